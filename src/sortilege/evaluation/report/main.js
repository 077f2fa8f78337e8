// The page, section by section, and its colours.

const redraw = [];
const plot = (work) => {
  const element = h("div", { class: "figure" });
  redraw.push(() => work(element));
  return element;
};
const section = (id, title, lead, ...parts) => ({ id, title, element: h("section", { id }, h("h2", {}, title), lead ? h("p", { class: "lead" }, lead) : null, ...parts) });
const select = (names, chosen, change) => h("select", { onchange: (event) => change(event.target.value) }, names.map((name) => h("option", { value: name, selected: name === chosen }, about(name).name)));
const count = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;

function verdictSection() {
  const of = (wanted) => DATA.verdicts.filter((one) => DATA.methods.find((method) => method.label === one.method).baseline === wanted);
  const reach = reaches(DATA.verdicts);
  const cards = (verdicts) => h("div", { class: "cards" }, verdicts.map((one) => card(one, reach, one.method, `against ${one.baseline}${one.baseline_varied ? "" : ", less varied"}, ${levelName(one.level)}`.replace(", as it is", ""))));
  const [challengers, baselines] = [of(false), of(true)];
  if (!DATA.verdicts.length) return null;
  const lead = "Differences to the baseline with the lowest nll of those as varied as the level asks, and to any that is less varied and more fluent: prompt by prompt on the same seeds, with 95 % intervals. A method wins if a number of the first four is better by its whole interval and none is worse; it loses in the opposite case, trades if both occur, and ties otherwise. The spread over prompts, below the line, is not part of that.";
  return section("verdicts", "Verdicts", lead, challengers.length ? cards(challengers) : null,
    baselines.length ? h("details", { open: !challengers.length }, h("summary", {}, "Baselines against the best of them"), cards(baselines)) : null);
}

function frontierSection() {
  const ys = ["nll", "judge_nll", "judge_nll_per_character", "repeated_4", "mauve"].filter((name) => DATA.metrics[name]);
  const xs = ["distinct_3", "distinct_2", "distinct_1", "distinct_4", "self_bleu", "entropy"].filter((name) => DATA.metrics[name]);
  let [x, y, trials] = ["distinct_3", "nll", false];
  const element = plot((target) => frontier(target, x, y, trials));
  const again = () => frontier(element, x, y, trials);
  const tools = h("div", { class: "tools" },
    h("label", {}, "up", select(ys, y, (value) => { y = value; again(); })),
    h("label", {}, "across", select(xs, x, (value) => { x = value; again(); })),
    DATA.trials.length ? h("label", {}, h("input", { type: "checkbox", onchange: (event) => { trials = event.target.checked; again(); } }), "what tuning tried (other prompts; nll and distinct-3 only)") : null);
  return section("frontier", "Quality and diversity", "A method is only ahead if it is more fluent at the same variety, or more varied at the same fluency. Each mark is a chosen setting, each line a method; dotted lines are baselines.", tools, element);
}

function rateSection() {
  const points = DATA.points.filter((point) => point.target.some(known));
  const steered = points.filter((point) => !point.variant), branched = points.filter((point) => !point.variant && known(point.metrics.inlier?.[0]));
  return section("rates", "Holding a rate", "The entropy of what is drawn from, averaged over each prompt's texts: a dot a prompt. The narrower, the less it depends on the prompt how adventurous the text is.",
    plot(rates),
    steered.length ? h("div", { class: "pair" },
      h("div", {}, h("h3", {}, "Asked and had"), h("p", { class: "lead" }, "Target and realised entropy, a dot a prompt. On the line they are equal; a target beyond what the tokens kept allow is out of reach."), plot((target) => agreement(target, steered))),
      branched.length ? h("div", {}, h("h3", {}, "Which branch fired"), h("p", { class: "lead" }, "Predictions that are typical of the recent past are mixed with a Dirichlet draw; others are tempered only."), plot((target) => branches(target, branched))) : null) : null);
}

function numberSection() {
  const place = h("div");
  let all = false;
  const button = h("button", { class: "button", "aria-pressed": "false", onclick: () => {
    all = !all;
    button.setAttribute("aria-pressed", String(all));
    place.replaceChildren(numbers(all));
  } }, "all numbers");
  place.append(numbers(false));
  const settings = h("dl", { class: "settings" }, POINTS.map((point) => [h("dt", {}, point.name), h("dd", { class: "code" }, point.short)]));
  return section("numbers", "All numbers", "Below each value its 95 % interval: over prompts (BCa bootstrap), of MAUVE and speed over seeds (Student's t). Bold: the best of its level. Speed is noisy, and of this machine.", h("div", { class: "tools" }, button), place, h("details", {}, h("summary", {}, "The settings"), settings));
}

function ablationSection() {
  if (!DATA.ablations.length) return null;
  return section("ablations", "What each part does", "The chosen settings with one part switched off and nothing tuned anew, against the whole. Temperature only: a fixed target at the mean of the whole one's.",
    DATA.ablations.map((group) => {
      const reach = reaches(group.rows);
      return [h("h3", { class: "group" }, group.of, " ", h("code", {}, group.short)), h("div", { class: "cards" }, group.rows.map((row) => card(row, reach, row.variant, `against ${group.full}`)))];
    }));
}

function tuningSection() {
  if (!DATA.trials.length) return null;
  const tuned = DATA.methods.filter((method) => method.trials);
  const rows = h("dl", { class: "settings" }, DATA.methods.map((method) => [h("dt", {}, `${method.label}: ${method.trials ? count(method.trials, "trial") : "fixed"}`), h("dd", { class: "code" }, method.space)]));
  return section("tuning", "Tuning", `Every method with something to tune had ${count(tuned[0].trials, "trial")}, on prompts that are not among those above, with the same random numbers. Of those as varied as a level asks (dotted), the one with the lowest nll was chosen (ringed). A double click shows all.`, plot(tuning), h("details", {}, h("summary", {}, "What was tuned"), rows));
}

function madeSection() {
  const made = DATA.made, entry = ([name, value]) => `${name} ${value}`;
  const line = (name, value, code) => value === null || value === undefined || value === "" ? null : [h("dt", {}, name), h("dd", { class: code ? "code" : null }, value)];
  const glossary = Object.entries(DATA.metrics).map(([name, one]) => h("tr", {}, h("th", { scope: "row" }, one.name), h("td", {}, `${one.doc}${one.unit ? `, ${one.unit}` : ""}`), h("td", {}, one.better ? `${one.better} is better` : "")));
  return section("made", "How it was made", null,
    h("dl", { class: "made" },
      line("command", made.command, true),
      line("judge", made.judge && `${made.judge.name}, ${made.judge.kind}`),
      line("plan", Object.entries(made.plan).filter(([, value]) => value !== null && String(value) !== "").map(([name, value]) => `${name} ${Array.isArray(value) ? value.join(", ") : value}`).join(" · ")),
      line("machine", Object.entries(made.machine).filter(([, value]) => value !== null).map(entry).join(" · ")),
      line("versions", Object.entries(made.versions).map(entry).join(" · "))),
    h("details", {}, h("summary", {}, "What the numbers are"), h("div", { class: "scroll glossary" }, h("table", {}, h("tbody", {}, glossary)))));
}

function head() {
  const plan = DATA.made.plan;
  const own = (sentence) => DATA.methods.filter((method) => sentence.startsWith(`${method.label} `)).sort((a, b) => b.label.length - a.label.length)[0];
  const facts = [
    h("b", {}, count(DATA.methods.length, "method")), `, ${plan.budget} trials each · `, h("b", {}, count(plan.prompts, "prompt")), ` × ${count(plan.seeds, "seed")}`,
    plan.num_samples > 1 ? ` × ${plan.num_samples} texts` : "", ` · up to ${plan.max_new_tokens} tokens · judged by `, h("b", {}, DATA.made.judge?.name ?? "nobody else"),
  ];
  return h("header", { class: "head" }, h("h1", {}, DATA.title), h("p", { class: "facts" }, facts),
    h("ul", { class: "found" }, DATA.headlines.map((sentence) => h("li", { "--dot": own(sentence) ? dotOf(own(sentence).label) : null }, sentence))),
    DATA.complete ? null : h("p", { class: "warn" }, "Not finished: some settings lack runs. The command that began this comparison goes on with it."));
}

function start() {
  const paint = () => redraw.forEach((work) => work());
  const turn = themed(paint);
  const texts = Object.keys(DATA.texts.of).length ? section("texts", "To be read", "The same prompt and seed under every method. Numbers are no substitute.", ...reader()) : null;
  const sections = [verdictSection(), frontierSection(), rateSection(), texts, numberSection(), ablationSection(), tuningSection(), madeSection()].filter(Boolean);
  const theme = h("button", { class: "button", "aria-label": "light or dark", onclick: turn }, "◐");
  document.body.append(
    h("div", { class: "bar" }, h("span", { class: "brand" }, "sortilege"), h("nav", {}, sections.map((one) => h("a", { href: `#${one.id}` }, one.title))), theme),
    h("main", {}, head(), sections.map((one) => one.element), h("footer", {}, "Made by sortilege compare. This file needs no network.")),
  );
  paint();
}

start();
