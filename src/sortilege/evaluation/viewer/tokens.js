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

class TokenPage extends Sheet {
  constructor(data) {
    super(data, KEYS);
    Object.assign(this, { key: "surprisal", robust: true, range: null });
    this.select = h("select", { id: "field", onchange: () => this.shadeBy(this.select.value) });
    this.spread = h(
      "select",
      {
        id: "range",
        onchange: () => {
          this.robust = this.spread.value === "robust";
          this.shade();
        },
      },
      h("option", { value: "robust" }, "5 to 95 %"),
      h("option", { value: "full" }, "all values"),
    );
    this.breaks = h("input", {
      type: "checkbox",
      id: "breaks",
      onchange: () => document.body.classList.toggle("breaks", this.breaks.checked),
    });
  }

  paneOf(column) {
    const { c } = column;
    return new TextPane({
      hover: (i) => this.hover(c, i),
      pick: (i) => this.pick(c, i, i !== this.pin),
      focus: (i) => {
        this.active = c;
        if (this.pin < 0) this.hover(c, i);
      },
      window: (seen) => {
        if (!column.strip) return;
        column.strip.window = seen;
        column.strip.drawTop();
      },
    });
  }

  inspectorOf({ letter }) {
    return new Inspector(letter);
  }

  tools() {
    return [
      h("label", { for: "field" }, "shade by"),
      this.select,
      h("label", { for: "range" }, "over"),
      this.spread,
      this.legend.element,
      h("label", { class: "check" }, this.breaks, "line breaks"),
      this.details,
    ];
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
    this.lists.replaceChildren(
      ...this.columns.map((column) =>
        leastList(column.text, column.letter, (i) => {
          this.pick(column.c, i, true);
          this.columns[column.c].pane.reveal(i);
        }),
      ),
    );
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
      const said =
        a.text.prompt !== b.text.prompt ? "different prompts" : this.split < 0 ? "the same tokens throughout" : null;
      const button = () =>
        h(
          "button",
          { type: "button", onclick: () => this.pick(column.c, this.split, true) },
          `part at token ${this.split + column.text.first}`,
        );
      column.stats.append(h("div", { class: "parting" }, h("dt", {}, "texts"), h("dd", {}, said || button())));
    }
  }

  // The strip of a text, as long as that of the other, and zoomed with it.
  strip({ c, text }, n) {
    return new Strip({
      n,
      first: text.first,
      label: `Entropy, temperature, branch and the chosen field over ${text.n} tokens`,
      lanes: [],
      heard: {
        hover: (i) => this.hover(c, i),
        pick: (i) => this.pick(c, i, true),
        range: (from, to) => this.selectRange(c, from === null ? null : [from, to]),
        zoomed: (from, to) => this.columns.forEach((other) => other.c !== c && other.strip.show(from, to, false)),
      },
    });
  }

  fields() {
    const found = new Map();
    for (const { text } of this.columns)
      for (const field of text.fields) if (!found.has(field.key)) found.set(field.key, field);
    return [...found.values()];
  }

  shadeBy(key) {
    const fields = this.fields();
    this.key = fields.some((field) => field.key === key) ? key : fields[0].key;
    this.select.replaceChildren(...selectOf(fields, this.key));
    const model = fields.find((field) => field.key === this.key);
    for (const column of this.columns)
      column.field = column.text.fields.find((field) => field.key === this.key) || {
        ...model,
        values: new Float64Array(column.text.n).fill(NaN),
      };
    this.shade();
  }

  shade() {
    const fields = this.columns.map((column) => column.field);
    this.spans = rangeOf(fields, this.robust);
    this.recolor();
    this.legend.show(fields, this.spans, this.robust && fields[0].kind !== "yes");
    for (const column of this.columns) {
      column.pane.shade(column.field, this.spans);
      column.strip.lanes = [
        ...tokenLanes(this.columns, column),
        fieldLane(this.columns, column, this.spans, this.strong),
      ];
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
    if (pinned && i < text.n)
      this.live.textContent = `${letter} ${visible(text.texts[i])}, surprisal ${nats(-text.raw[i])} nats, rank ${text.rank[i]}, token ${i + text.first}`;
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
      else
        inspector.empty(
          column.c
            ? ""
            : "Point at a token, in the text or in the strip, to see what the model predicted and what the sampler made of it. Click to keep it; ? lists the keys.",
          trace,
        );
    }
    const { field } = this.columns[this.active];
    this.legend.point(shown >= 0 ? field.values[shown] : NaN);
    this.lists.querySelectorAll("[aria-current]").forEach((one) => one.removeAttribute("aria-current"));
    if (this.pin >= 0)
      this.lists.querySelectorAll(`[data-i="${this.pin}"]`).forEach((one) => one.setAttribute("aria-current", "true"));
  }

  // The words over a strip.
  told({ text, field }, shown) {
    const value = (name, content) => [" ", h("span", {}, name, " ", h("b", {}, content))];
    if (shown >= 0 && shown < text.n) {
      const { target_entropy: target, temperature } = text.report;
      return [
        tokenName(text.texts[shown]),
        ...value("token", thousands(shown + text.first)),
        ...value("entropy", nats(text.processedEntropy[shown])),
        ...(target ? value("target", nats(target[shown])) : []),
        ...(temperature ? value("temperature", figure(temperature[shown], 3)) : []),
        ...value(field.label, valueOf(field, shown)),
      ];
    }
    const [from, to] = this.range || [0, text.n];
    if (!this.range || from >= text.n) return [h("span", { class: "hint" }, "drag to select, wheel to zoom")];
    const sum = summaryOf(text, from, Math.min(to, text.n));
    return [
      h("b", {}, `tokens ${thousands(from + text.first)} to ${thousands(Math.min(to, text.n) - 1 + text.first)}`),
      ...value("surprisal", nats(sum.nll)),
      ...value("perplexity", figure(sum.perplexity, 3)),
      ...value("entropy", nats(sum.entropy)),
      ...(finite(sum.target) ? value("target", nats(sum.target)) : []),
    ];
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

  // Returns whether the key meant something.
  keyed(event) {
    const inText = document.activeElement && document.activeElement.closest(".text");
    const held = {
      ArrowLeft: () => this.move(-1),
      h: () => this.move(-1),
      ArrowRight: () => this.move(1),
      l: () => this.move(1),
      ArrowUp: () => this.move(0, -1),
      k: () => this.move(0, -1),
      ArrowDown: () => this.move(0, 1),
      j: () => this.move(0, 1),
      Home: () => this.move("first"),
      g: () => this.move("first"),
      End: () => this.move("last"),
      G: () => this.move("last"),
      n: () => this.move("next"),
      p: () => this.move("previous"),
      Escape: () => {
        if (this.range) this.selectRange(this.active, null);
        else this.pick(this.active, Math.max(this.pin, 0), false);
        document.body.classList.remove("open");
      },
      b: () => this.breaks.click(),
    };
    if ((event.key === "Enter" || event.key === " ") && inText) {
      const i = this.columns[this.active].pane.placeOf(document.activeElement);
      if (i >= 0) this.pick(this.active, i, i !== this.pin);
      return true;
    }
    return this.held(held, event.key);
  }
}

function statistics(text) {
  const sum = summaryOf(text);
  const rows = [
    ["tokens", thousands(sum.tokens), "tokens drawn"],
    ["nll", `${nats(sum.nll)}`, "mean surprisal under the model, nats a token"],
    ["perplexity", figure(sum.perplexity, 3), "exp of the mean surprisal"],
    [
      "entropy",
      finite(sum.target)
        ? `${nats(sum.entropy)} of ${nats(sum.target)}`
        : `${nats(sum.rawEntropy)} → ${nats(sum.entropy)}`,
      finite(sum.target)
        ? "mean entropy that was drawn from, of the mean target, nats"
        : "mean entropy of the model, and of what was drawn from, nats",
    ],
    finite(sum.inliers)
      ? ["inlier", `${Math.round(100 * sum.inliers)}%`, "share of tokens of the inlier branch"]
      : null,
    finite(sum.rate) ? ["speed", `${figure(sum.rate, 2)}/s`, "tokens a second, model and sampler together"] : null,
  ];
  rows.push(["seed", String(text.seed), "the seed it was drawn with"]);
  return rows
    .filter(Boolean)
    .map(([name, value, meaning]) =>
      h("div", { title: meaning }, h("dt", {}, name), h("dd", { "data-stat": name }, value)),
    );
}

const makePage = (data) => new TokenPage(data);
