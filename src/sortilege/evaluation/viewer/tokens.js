// The page of a trace of tokens: texts, their strips, one cursor over all of them, and what is known of what is under it.

const KEYS = [
  ["← →, h l", "the token before, the one after"],
  ["↑ ↓, k j", "the line above, the line below"],
  ["n, p", "the next and the previous of the least likely tokens"],
  ["Home, End", "the first and the last token"],
  ["Enter, click", "pin a token; again to unpin"],
  ["Esc", "unpin; clear the selection"],
  ["/, f", "choose what the text is shaded by"],
  ["b", "show line breaks and spaces"],
  ["[, ]", "the text before, the text after"],
  ["+, −, 0", "zoom the time strip; all of it"],
  ["t", "light or dark"],
  ["?", "these keys"],
];

class TokenPage {
  constructor(data) {
    this.data = data;
    this.several = data.traces.length > 1;
    Object.assign(this, { pin: -1, at: -1, active: 0, key: "surprisal", robust: true, range: null });
    this.columns = data.traces.map((trace, c) => this.column(trace, c));
    this.legend = new Legend();
    this.live = h("p", { class: "sr", "aria-live": "polite" });
    this.select = h("select", { id: "field", onchange: () => this.shadeBy(this.select.value) });
    this.spread = h("select", { id: "range", onchange: () => { this.robust = this.spread.value === "robust"; this.shade(); } }, h("option", { value: "robust" }, "5 to 95 %"), h("option", { value: "full" }, "all values"));
    this.breaks = h("input", { type: "checkbox", id: "breaks", onchange: () => document.body.classList.toggle("breaks", this.breaks.checked) });
    this.lists = h("div", { class: "lists" });
    this.aside = h("aside", { "aria-label": "Details" }, h("button", { type: "button", class: "icon close", "aria-label": "Close", onclick: () => document.body.classList.remove("open") }, "×"), h("div", { class: "inspectors" }, this.columns.map((column) => column.inspector.element)), this.lists);
    this.update = inFrame(() => this.paint());
  }

  column(trace, c) {
    const letter = this.several ? "AB"[c] : "";
    const column = { trace, c, letter, texts: [] };
    column.pane = new TextPane({
      hover: (i) => this.hover(c, i),
      pick: (i) => this.pick(c, i, i !== this.pin),
      focus: (i) => { this.active = c; if (this.pin < 0) this.hover(c, i); },
      window: (seen) => { if (column.strip) { column.strip.window = seen; column.strip.drawTop(); } },
    });
    column.inspector = new Inspector(letter);
    column.stats = h("dl", { class: "stats" });
    column.choose = h("select", { "aria-label": `Text${letter ? ` of ${letter}` : ""}`, onchange: () => this.read(c, Number(column.choose.value)) },
      trace.requests.map((request, r) => h("option", { value: r }, `text ${r + 1} of ${trace.requests.length}, seed ${request.seed}`)));
    column.choose.hidden = trace.requests.length < 2;
    column.place = h("div", { class: "strip-place" });
    column.element = h("section", { class: "column", "aria-label": letter ? `Trace ${letter}` : "Trace" },
      h("header", { class: "column-head" }, heading(trace, letter, column.choose), column.stats), column.pane.element, column.place);
    return column;
  }

  tools() {
    return [
      h("label", { for: "field" }, "shade by"), this.select,
      h("label", { for: "range" }, "over"), this.spread,
      this.legend.element,
      h("label", { class: "check" }, this.breaks, "line breaks"),
      h("button", { type: "button", class: "details", onclick: () => document.body.classList.toggle("open") }, "details"),
    ];
  }

  main() {
    return [h("div", { class: "columns" }, this.columns.map((column) => column.element)), this.aside, this.live];
  }

  start() {
    for (const column of this.columns) this.read(column.c, 0, false);
    this.compare();
    this.shadeBy(this.key);
    this.paint();
  }

  // Show the r-th text of a trace.
  read(c, r, all = true) {
    const column = this.columns[c];
    const text = (column.texts[r] ??= unpackTokens(column.trace, column.trace.requests[r]));
    text.fields ??= fieldsOf(text);
    Object.assign(column, { text, r });
    column.choose.value = r;
    column.pane.show(text, `Generated text${column.letter ? ` ${column.letter}` : ""}, ${text.n} tokens`);
    column.stats.replaceChildren(...statistics(text));
    if (!all) return;
    Object.assign(this, { pin: -1, at: -1, range: null });
    for (const other of this.columns) other.pane.select(null);
    this.compare();
    this.shadeBy(this.key);
    this.paint();
  }

  compare() {
    this.lists.replaceChildren(...this.columns.map((column) => leastList(column.text, column.letter, (i) => { this.pick(column.c, i, true); this.columns[column.c].pane.reveal(i); })));
    const [a, b] = this.columns;
    this.split = b ? divergence({ ...a.text, sameIds: a.trace.model === b.trace.model }, b.text) : -1;
    const n = Math.max(...this.columns.map((column) => column.text.n));
    for (const column of this.columns) {
      column.strip = this.strip(column, n);
      column.place.replaceChildren(column.strip.element);
      column.strip.mark = this.split;
      const old = column.element.querySelector(".parting");
      if (old) old.remove();
      if (!b) continue;
      const said = a.text.prompt !== b.text.prompt ? "different prompts" : this.split < 0 ? "the same tokens throughout" : null;
      const button = () => h("button", { type: "button", onclick: () => this.pick(column.c, this.split, true) }, `part at token ${this.split + column.text.first}`);
      column.stats.append(h("div", { class: "parting" }, h("dt", {}, "texts"), h("dd", {}, said || button())));
    }
  }

  // The strip of a text, as long as that of the other, and zoomed with it.
  strip({ c, text }, n) {
    return new Strip({ n, first: text.first, label: `Entropy, temperature, branch and the chosen field over ${text.n} tokens`, lanes: [], heard: {
      hover: (i) => this.hover(c, i),
      pick: (i) => this.pick(c, i, true),
      range: (from, to) => this.selectRange(c, from === null ? null : [from, to]),
      zoomed: (from, to) => this.columns.forEach((other) => other.c !== c && other.strip.show(from, to, false)),
    } });
  }

  // The lanes of a text's strip: those for which the trace has numbers.
  lanes({ text }) {
    const all = (name) => this.columns.map((column) => column.text.report[name]).filter(Boolean);
    const wide = clamp(Math.round(text.n / 40), 5, 64);
    const { target_entropy: target, temperature } = text.report;
    const high = Math.max(ends(...this.columns.map((column) => column.text.processedEntropy), ...all("target_entropy"))[1], 0.5);
    const entropy = [{ values: text.processedEntropy, color: "--realised", style: "faint" }];
    if (target) entropy.push({ values: target, color: "--target", style: "line", label: "target" });
    else entropy.push({ values: smooth(text.rawEntropy, wide), color: "--target", style: "dashed", label: "model" });
    entropy.push({ values: smooth(text.processedEntropy, wide), color: "--realised", style: "line", label: `${target ? "realised" : "after the sampler"}, mean of ${wide}` });
    const found = [{ name: "entropy", height: 62, low: 0, high, series: entropy }];
    if (temperature && temperature.some(finite)) {
      const [low, high] = ends(...all("temperature"));
      found.push({ name: "temperature", height: 34, low, high, series: [{ values: temperature, color: "--heat", style: "line" }] });
    }
    if (text.branches.some((branch) => branch !== null)) {
      const values = Float64Array.from(text.branches, (branch) => (branch === null ? NaN : Number(branch === "inlier")));
      found.push({ name: "branch", height: 9, low: 0, high: 1, series: [
        { values, colors: ["--outlier", "--inlier"], color: "--outlier", style: "share", label: "outlier" },
        { values: [], color: "--inlier", style: "share", label: "inlier" },
      ] });
    }
    return found;
  }

  // The last lane shows what the text is shaded by, in the same colours; the branch has its lane already.
  fieldLane(column) {
    const field = column.field;
    if (field.key === "branch") return { name: "surprisal", height: 34, low: 0, high: ends(...this.columns.map((one) => one.text.raw))[0] * -1, series: [
      { values: column.text.raw.map((x) => 0 - x), style: "bars", color: "--ink", colorOf: (i) => this.strong[column.field.values[i] ? LEVELS - 1 : 0] },
    ] };
    const [low, high] = ends(...this.columns.map((one) => one.field.values));
    return { name: field.label, height: 34, low: field.kind === "yes" ? 0 : Math.min(low, 0), high: Math.max(high, 0), series: [
      { values: field.values, style: "bars", color: "--ink", colorOf: (i) => this.strong[Math.max(levelOf(field.values[i], field, this.spans), 0)] },
    ] };
  }

  fields() {
    const found = new Map();
    for (const { text } of this.columns) for (const field of text.fields) if (!found.has(field.key)) found.set(field.key, field);
    return [...found.values()];
  }

  shadeBy(key) {
    const fields = this.fields();
    this.key = fields.some((field) => field.key === key) ? key : fields[0].key;
    this.select.replaceChildren(...selectOf(fields, this.key));
    const model = fields.find((field) => field.key === this.key);
    for (const column of this.columns)
      column.field = column.text.fields.find((field) => field.key === this.key) || { ...model, values: new Float64Array(column.text.n).fill(NaN) };
    this.shade();
  }

  shade() {
    const fields = this.columns.map((column) => column.field);
    this.spans = rangeOf(fields, this.robust);
    this.recolor();
    this.legend.show(fields, this.spans, this.robust && fields[0].kind !== "yes");
    for (const column of this.columns) {
      column.pane.shade(column.field, this.spans);
      column.strip.lanes = [...this.lanes(column), this.fieldLane(column)];
      column.strip.relabel();
      column.strip.draw();
    }
  }

  // The theme or the kind of scale has changed.
  recolor() {
    useShades(this.columns[0].field.kind);
    const dark = document.documentElement.dataset.theme === "dark";
    this.strong = shades(this.columns[0].field.kind, dark).map((_, i) => bold(this.columns[0].field.kind, i, dark));
    for (const column of this.columns) column.strip.draw();
  }

  hover(c, i) {
    if (i === this.at) return;
    this.at = i;
    if (i >= 0) this.active = c;
    this.update();
  }

  // Pin token i of trace c, or unpin it.
  pick(c, i, pinned) {
    this.active = c;
    this.pin = pinned ? i : -1;
    this.at = -1;
    if (pinned) document.body.classList.add("open");
    for (const column of this.columns) {
      if (i < column.text.n) column.pane.rove(i);
      column.pane.pressed(pinned && i < column.text.n);
      if (!pinned) continue;
      column.pane.reveal(Math.min(i, column.text.n - 1));
      column.strip.reach(Math.min(i, column.text.n - 1));
    }
    const { text, letter } = this.columns[c];
    if (pinned && i < text.n) this.live.textContent = `${letter} ${visible(text.texts[i])}, surprisal ${nats(-text.raw[i])} nats, rank ${text.rank[i]}, token ${i + text.first}`;
    this.update();
  }

  selectRange(c, range) {
    this.range = range;
    for (const column of this.columns) {
      const inside = range && [Math.min(range[0], column.text.n), Math.min(range[1], column.text.n)];
      column.strip.range = range;
      column.pane.select(inside);
      if (range) column.pane.reveal(Math.min(range[0], column.text.n - 1));
    }
    this.update();
  }

  paint() {
    const shown = this.at >= 0 ? this.at : this.pin;
    for (const column of this.columns) {
      const { pane, strip, text, inspector, trace } = column;
      pane.mark({ pin: this.pin, at: this.at, split: this.split });
      strip.at = this.at;
      strip.pinned = this.pin;
      strip.drawTop();
      strip.tell(...this.told(column, shown));
      if (shown >= 0 && shown < text.n) inspector.show(trace, text, shown, this.at < 0 || this.at === this.pin);
      else if (shown >= 0) inspector.empty(`This text ends at token ${text.n + text.first - 1}.`);
      else inspector.empty(column.c ? "" : "Point at a token, in the text or in the strip, to see what the model predicted and what the sampler made of it. Click to keep it; ? lists the keys.", trace);
    }
    const { field } = this.columns[this.active];
    this.legend.point(shown >= 0 ? field.values[shown] : NaN);
    this.lists.querySelectorAll("[aria-current]").forEach((one) => one.removeAttribute("aria-current"));
    if (this.pin >= 0) this.lists.querySelectorAll(`[data-i="${this.pin}"]`).forEach((one) => one.setAttribute("aria-current", "true"));
  }

  // The words over a strip.
  told({ text, field }, shown) {
    const value = (name, content) => [" ", h("span", {}, name, " ", h("b", {}, content))];
    if (shown >= 0 && shown < text.n) {
      const { target_entropy: target, temperature } = text.report;
      return [tokenName(text.texts[shown]), ...value("token", thousands(shown + text.first)), ...value("entropy", nats(text.processedEntropy[shown])),
        ...(target ? value("target", nats(target[shown])) : []), ...(temperature ? value("temperature", figure(temperature[shown], 3)) : []), ...value(field.label, valueOf(field, shown))];
    }
    const [from, to] = this.range || [0, text.n];
    if (!this.range || from >= text.n) return [h("span", { class: "hint" }, "drag to select, wheel to zoom")];
    const sum = summaryOf(text, from, Math.min(to, text.n));
    return [h("b", {}, `tokens ${thousands(from + text.first)} to ${thousands(Math.min(to, text.n) - 1 + text.first)}`), ...value("surprisal", nats(sum.nll)), ...value("perplexity", figure(sum.perplexity, 3)),
      ...value("entropy", nats(sum.entropy)), ...(finite(sum.target) ? value("target", nats(sum.target)) : [])];
  }

  move(to, line) {
    const column = this.columns[this.active];
    const from = this.pin >= 0 ? this.pin : this.at >= 0 ? this.at : -1;
    const last = column.text.n - 1;
    let i = typeof to === "number" ? (from < 0 ? 0 : from + to) : to;
    if (line) i = column.pane.line(Math.max(from, 0), line > 0);
    if (to === "first" || to === "last") i = to === "first" ? 0 : last;
    if (to === "next" || to === "previous") {
      const order = [...column.text.least].sort((a, b) => a - b);
      i = to === "next" ? order.find((j) => j > from) : order.reverse().find((j) => j < (from < 0 ? Infinity : from));
      if (i === undefined) return;
    }
    i = clamp(i, 0, Math.max(last, this.several ? Math.max(...this.columns.map((one) => one.text.n - 1)) : 0));
    this.pick(this.active, i, true);
    const span = column.pane.spans[i];
    if (span) span.focus({ preventScroll: true });
  }

  turn(by) {
    for (const column of this.columns) {
      const r = column.r + by;
      if (r >= 0 && r < column.trace.requests.length) this.read(column.c, r);
    }
  }

  // Returns whether the key meant something.
  keyed(event) {
    const strips = this.columns.map((column) => column.strip);
    const inText = document.activeElement && document.activeElement.closest(".text");
    const held = {
      ArrowLeft: () => this.move(-1), h: () => this.move(-1), ArrowRight: () => this.move(1), l: () => this.move(1),
      ArrowUp: () => this.move(0, -1), k: () => this.move(0, -1), ArrowDown: () => this.move(0, 1), j: () => this.move(0, 1),
      Home: () => this.move("first"), g: () => this.move("first"), End: () => this.move("last"), G: () => this.move("last"),
      n: () => this.move("next"), p: () => this.move("previous"),
      Escape: () => { if (this.range) this.selectRange(this.active, null); else this.pick(this.active, Math.max(this.pin, 0), false); document.body.classList.remove("open"); },
      "/": () => this.select.focus(), f: () => this.select.focus(),
      b: () => this.breaks.click(), "[": () => this.turn(-1), "]": () => this.turn(1),
      "+": () => strips.forEach((strip) => strip.zoom(0.5)), "=": () => strips.forEach((strip) => strip.zoom(0.5)), "-": () => strips.forEach((strip) => strip.zoom(2)), 0: () => strips.forEach((strip) => strip.show(0, strip.n)),
    };
    if ((event.key === "Enter" || event.key === " ") && inText) {
      const i = this.columns[this.active].pane.placeOf(document.activeElement);
      if (i >= 0) this.pick(this.active, i, i !== this.pin);
      return true;
    }
    if (!held[event.key]) return false;
    held[event.key]();
    return true;
  }
}

// The stronger twin of a shade, for bars that have no text on them.
function bold(kind, level, dark) {
  const t = level / (LEVELS - 1);
  if (kind === "yes") return t < 0.5 ? oklch(0.68, 0.16, 55) : oklch(0.7, 0.05, 195);
  if (kind === "signed") return oklch(dark ? 0.7 : 0.62, 0.04 + 0.26 * Math.abs(t - 0.5), t < 0.5 ? 250 : 48);
  return dark ? oklch(0.5 + 0.22 * t, 0.05 + 0.15 * t, 265 + 115 * t) : oklch(0.76 - 0.18 * t, 0.06 + 0.15 * t, 275 + 115 * t);
}

function statistics(text) {
  const sum = summaryOf(text);
  const rows = [
    ["tokens", thousands(sum.tokens), "tokens drawn"],
    ["nll", `${nats(sum.nll)}`, "mean surprisal under the model, nats a token"],
    ["perplexity", figure(sum.perplexity, 3), "exp of the mean surprisal"],
    ["entropy", finite(sum.target) ? `${nats(sum.entropy)} of ${nats(sum.target)}` : `${nats(sum.rawEntropy)} → ${nats(sum.entropy)}`,
      finite(sum.target) ? "mean entropy that was drawn from, of the mean target, nats" : "mean entropy of the model, and of what was drawn from, nats"],
    finite(sum.inliers) ? ["inlier", `${Math.round(100 * sum.inliers)}%`, "share of tokens of the inlier branch"] : null,
    finite(sum.rate) ? ["speed", `${figure(sum.rate, 2)}/s`, "tokens a second, model and sampler together"] : null,
  ];
  rows.push(["seed", String(text.seed), "the seed it was drawn with"]);
  return rows.filter(Boolean).map(([name, value, meaning]) => h("div", { title: meaning }, h("dt", {}, name), h("dd", { "data-stat": name }, value)));
}

function makePage(data) {
  const page = new TokenPage(data);
  page.keys = KEYS;
  return page;
}
