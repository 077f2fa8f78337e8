// The texts, for whoever wants to read: one prompt, every method.

function reader() {
  const sheets = h("div", { class: "columns" });
  const draws = Math.max(...Object.values(DATA.texts.of).map((texts) => Math.max(...texts.map((one) => one.length))));
  const sheet = (title, text, prompt, more = {}) => h("article", { class: "sheet", "--dot": more.dot },
    h("h3", {}, title), more.setting ? h("div", { class: "setting code" }, more.setting) : null,
    h("p", {}, h("span", { class: "given" }, prompt), text === "" ? "∅" : text));
  const fill = () => {
    const prompt = Number(which.value), draw = Number(run.value), level = levels.value;
    const points = POINTS.filter((point) => point.level === null || String(point.level) === level);
    const own = points.map((point) => [point, DATA.texts.of[point.setting]?.[prompt]?.[draw]]).filter(([, text]) => text !== undefined);
    const reference = DATA.texts.reference?.[prompt];
    sheets.replaceChildren(
      ...own.map(([point, text]) => sheet(point.name, text, DATA.prompts[prompt], { dot: dotOf(point.method), setting: point.short })),
      ...(reference?.length ? [sheet(DATA.references.prompts.what, reference[draw % reference.length], DATA.prompts[prompt])] : []),
    );
  };
  const option = (value, text) => h("option", { value }, text);
  const which = h("select", { onchange: fill, "aria-label": "prompt" }, DATA.prompts.map((prompt, i) => option(i, `${i + 1}. ${prompt.length > 70 ? `${prompt.slice(0, 67)}...` : prompt}`)));
  const run = h("select", { onchange: fill }, Array.from({ length: draws }, (_, i) => option(i, i + 1)));
  const levels = h("select", { onchange: fill }, DATA.levels.map((level) => option(level, level)));
  const turn = (by) => () => { which.selectedIndex = (which.selectedIndex + by + DATA.prompts.length) % DATA.prompts.length; fill(); };
  const tools = h("div", { class: "tools" },
    h("button", { class: "button", onclick: turn(-1), "aria-label": "the prompt before" }, "←"), which,
    h("button", { class: "button", onclick: turn(1), "aria-label": "the next prompt" }, "→"),
    h("label", {}, "draw", run), DATA.levels.length > 1 ? h("label", {}, "level", levels) : null);
  fill();
  return [tools, sheets];
}
