// What happened at a step, and what a slot has been through.

// A token that took the place of another.
const changeOf = (text, one) => [h("del", {}, tokenName(text.textOf(one.before))), " → ", tokenName(text.textOf(one.place))];

class Happened {
  constructor(name, seek) {
    Object.assign(this, { name, seek });
    this.element = h("section", { class: "inspector", "aria-label": name ? `Step, ${name}` : "Step" });
  }

  show(text, steps, slot, pinned) {
    const parts = [this.step(text, steps), slot >= 0 ? this.slot(text, slot, pinned) : null];
    this.element.replaceChildren(...(slot >= 0 ? parts.reverse() : parts).filter(Boolean));
  }

  step(text, steps) {
    const title = h(
      "header",
      {},
      this.name ? h("span", { class: "which" }, this.name) : null,
      h("h3", {}, steps ? `Step ${steps} of ${text.n}` : "Before the first step"),
    );
    if (!steps)
      return h(
        "section",
        {},
        title,
        h(
          "p",
          { class: "hint" },
          "Play, or move through the steps with the arrow keys. Point at a slot for what it has been through; click to keep it. ? lists the keys.",
        ),
      );
    const i = steps - 1;
    const { masked, revealed, edited, substituted } = eventsOf(text, i);
    const shown = new Set(revealed.map((one) => one.slot));
    if (text.records[i] < 0) return h("section", {}, title, h("p", { class: "hint" }, "Nothing changed at this step."));
    const before = masked.length ? stateAt(text, i).canvas : [];
    const row = (name, value) => h("div", {}, h("dt", {}, name), h("dd", { "data-of": name }, value));
    const values = Object.entries(text.values).map(([name, some]) => {
      const distance = text.distances[name] ? text.distances[name][i] : NaN;
      if (!finite(some[i])) return null;
      const before = text.valuesBefore[name][i];
      return row(name, [
        finite(before) && before !== some[i] ? h("span", { class: "from" }, `${figure(before, 3)} → `) : null,
        figure(some[i], 3),
        distance > 0 ? h("span", { class: "beyond" }, `outside by ${figure(distance, 2)}`) : null,
      ]);
    });
    return h(
      "section",
      {},
      title,
      h(
        "dl",
        { class: "measures" },
        row("time", figure(text.times[i], 3)),
        row("masks left", thousands(text.masksLeft[i])),
        values,
        finite(text.seconds[i]) ? row("seconds", figure(text.seconds[i], 2)) : null,
      ),
      edited.length
        ? [
            h("h3", {}, `${edited.length} edited`),
            h(
              "ul",
              { class: "edits" },
              edited.map((one) => h("li", {}, changeOf(text, one))),
            ),
          ]
        : null,
      substituted.length
        ? [
            h("h3", {}, `${substituted.length} substituted by the search`),
            h(
              "ul",
              { class: "edits", "data-of": "substituted" },
              substituted.map((one) =>
                h("li", {}, changeOf(text, one), shown.has(one.slot) ? null : ` in slot ${one.slot}, not revealed`),
              ),
            ),
          ]
        : null,
      masked.length
        ? [
            h("h3", {}, `${masked.length} masked again`),
            h(
              "ul",
              { class: "edits" },
              masked.map((slot) => h("li", {}, h("del", {}, tokenName(text.textOf(before[slot]))), ` in slot ${slot}`)),
            ),
          ]
        : null,
      revealed.length ? this.revealed(text, revealed) : null,
    );
  }

  revealed(text, revealed) {
    return h(
      "table",
      { class: "candidates" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col" }, `${revealed.length} revealed`),
          h("th", { scope: "col" }, "probability"),
          h("th", { scope: "col" }, "entropy, nats"),
        ),
      ),
      h(
        "tbody",
        {},
        revealed.map((one) => {
          const bar = h("i", {});
          bar.style.width = `${finite(one.logProb) ? 100 * Math.exp(one.logProb) : 0}%`;
          return h(
            "tr",
            { "data-slot": one.slot },
            h("th", { scope: "row" }, tokenName(text.textOf(one.place))),
            h("td", { class: "prob after" }, bar, h("span", {}, percent(one.logProb))),
            h("td", { class: "prob" }, h("span", {}, nats(one.entropy))),
          );
        }),
      ),
    );
  }

  slot(text, slot, pinned) {
    const past = text.history[slot].map((one) => {
      const said =
        one.kind === "revealed"
          ? [tokenName(text.textOf(one.place)), ` ${percent(one.logProb)}`]
          : one.kind === "masked"
            ? null
            : changeOf(text, one);
      return h(
        "li",
        {},
        h("button", { type: "button", onclick: () => this.seek(one.step + 1) }, `step ${one.step + 1}`),
        ` ${one.kind === "masked" ? "masked again" : one.kind} `,
        said,
      );
    });
    const final = text.last.canvas[slot];
    return h(
      "section",
      { class: "slot" },
      h(
        "header",
        {},
        tokenName(final === GONE ? "" : text.textOf(final), "big"),
        h(
          "span",
          { class: "where" },
          `slot ${slot}${final >= 0 ? `, id ${text.idOf(final)}` : ""}`,
          pinned ? h("span", { class: "pinned" }, "pinned") : null,
        ),
      ),
      past.length
        ? h("ul", { class: "edits" }, past)
        : h(
            "p",
            { class: "hint" },
            text.canvas[slot] === MASK
              ? "Never written: it lies after the end of the text."
              : "Given, and never changed.",
          ),
    );
  }
}

// All that a search changed: what it substituted in predicted texts, and its edits of revealed slots.
function changeList(text, name, seek) {
  const rows = [];
  for (let step = 0; step < text.n; step++) {
    const { edited, substituted } = eventsOf(text, step);
    for (const one of [...edited, ...substituted]) rows.push([step + 1, one]);
  }
  return h(
    "section",
    { class: "least", "aria-label": name ? `Changes by the search, ${name}` : "Changes by the search" },
    h(
      "h3",
      {},
      name ? h("span", { class: "which" }, name) : null,
      `${rows.length ? rows.length : "No"} ${rows.length === 1 ? "change" : "changes"} by a search`,
    ),
    h(
      "ol",
      {},
      rows.map(([step, one]) =>
        h(
          "li",
          {},
          h(
            "button",
            { type: "button", "data-step": step, onclick: () => seek(step) },
            h("span", { class: "nats" }, `${step}`),
            changeOf(text, one),
          ),
        ),
      ),
    ),
  );
}
