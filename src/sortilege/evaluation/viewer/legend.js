// The legend of the shades: how many tokens have each, and where the token under the cursor is.

class Legend {
  constructor() {
    this.bars = h("span", { class: "bars", "aria-hidden": "true" });
    this.low = h("span", { class: "end" });
    this.high = h("span", { class: "end" });
    this.caret = h("i", { class: "caret", hidden: true, "aria-hidden": "true" });
    this.element = h(
      "div",
      { class: "legend" },
      this.low,
      h("span", { class: "scale" }, this.bars, this.caret),
      this.high,
    );
  }

  // fields: the same field of each text that is shown.
  show(fields, range, robust) {
    this.field = fields[0];
    this.range = range;
    const counts = new Array(LEVELS).fill(0);
    for (const field of fields)
      for (const x of field.values) {
        const level = levelOf(x, field, range);
        if (level >= 0) counts[level] += 1;
      }
    const most = Math.max(...counts, 1);
    const shown = this.field.kind === "yes" ? [LEVELS - 1, 0] : counts.map((_, i) => i);
    this.bars.replaceChildren(
      ...shown.map((level) => {
        const bar = h("i", { class: `l${level}`, title: `${thousands(counts[level])} tokens` }, h("b", {}));
        bar.firstChild.style.height = `${counts[level] ? Math.max(Math.sqrt(counts[level] / most) * 100, 8) : 0}%`;
        return bar;
      }),
    );
    this.bars.classList.toggle("two", shown.length === 2);
    const unit = this.field.unit ? `${NBSP}${this.field.unit}` : "";
    const [low, high] = range.map((x) => figure(x, 3));
    if (this.field.kind === "yes") {
      this.low.textContent = `${this.field.names[1]} ${thousands(counts[LEVELS - 1])}`;
      this.high.textContent = `${this.field.names[0]} ${thousands(counts[0])}`;
    } else {
      this.low.textContent = robust ? `≤ ${low}` : low;
      this.high.textContent = (robust ? `≥ ${high}` : high) + unit + (this.field.log ? ", log" : "");
    }
    this.point(NaN);
  }

  point(value) {
    const level = this.field ? levelOf(value, this.field, this.range) : -1;
    this.caret.hidden = level < 0 || this.field.kind === "yes";
    if (!this.caret.hidden) this.caret.style.left = `${(100 * (level + 0.5)) / LEVELS}%`;
  }
}

// Put the colours of a kind of scale where the style sheet finds them.
function useShades(kind) {
  const dark = document.documentElement.dataset.theme === "dark";
  shades(kind, dark).forEach((color, level) => document.documentElement.style.setProperty(`--l${level}`, color));
}

// What made a trace.
function heading(trace, letter, choose) {
  const how = [trace.settings.policy, trace.sampler].filter(Boolean).join(", ") || trace.driver || "";
  return h(
    "div",
    { class: "heading" },
    letter ? h("span", { class: "which" }, letter) : null,
    h("h2", {}, h("span", { class: "model" }, trace.model), " ", h("code", {}, how)),
    choose,
  );
}

function origin(trace) {
  const rows = [
    ["file", trace.name],
    ["made by", trace.driver],
    ["model", trace.model],
    ["sampler", trace.sampler],
    ...Object.entries(trace.settings),
    ...Object.entries(trace.versions),
  ];
  const seen = new Set();
  const once = rows.filter(([name, value]) => value && !seen.has(name) && seen.add(name));
  return h(
    "dl",
    { class: "origin" },
    once.map(([name, value]) => h("div", {}, h("dt", {}, name.replaceAll("_", " ")), h("dd", {}, value))),
  );
}
