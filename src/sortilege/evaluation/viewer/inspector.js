// All that is known of one token: what the model predicted, what the sampler made of it, and what was drawn.

class Inspector {
  constructor(name) {
    this.name = name;
    this.order = "before";
    this.open = !name;
    this.element = h("section", { class: "inspector", "aria-label": name ? `Token, ${name}` : "Token" });
  }

  empty(hint, trace) {
    this.shown = null;
    this.element.replaceChildren(h("p", { class: "hint" }, hint), ...(trace ? [origin(trace)] : []));
  }

  show(trace, text, i, pinned) {
    this.shown = [trace, text, i, pinned];
    const partial = text.texts[i].includes("\ufffd");
    const parts = [
      h(
        "header",
        {},
        this.name ? h("span", { class: "which" }, this.name) : null,
        tokenName(text.texts[i], "big"),
        h(
          "span",
          { class: "where" },
          `token ${thousands(i + text.first)}, id ${text.ids[i]}`,
          pinned ? h("span", { class: "pinned" }, "pinned") : null,
        ),
      ),
      partial
        ? h("p", { class: "note" }, "Holds part of a character only: its other bytes are in the tokens beside it.")
        : null,
      this.measures(text, i),
      this.candidates(candidatesOf(trace, text, i)),
      this.reported(text, i),
    ];
    this.element.replaceChildren(...parts.filter(Boolean));
  }

  measures(text, i) {
    const target = text.report.target_entropy;
    const temperature = text.report.temperature;
    const pair = (before, after) => [before, h("span", { class: "to", "aria-label": "to" }, "→"), after];
    const unit = () => h("span", { class: "unit" }, " nats");
    const rows = [
      ["probability", pair(percent(text.raw[i]), percent(text.processed[i]))],
      ["surprisal", pair(nats(-text.raw[i]), `${nats(-text.processed[i])}`), unit()],
      ["entropy", pair(nats(text.rawEntropy[i]), `${nats(text.processedEntropy[i])}`), unit()],
      target ? ["target", [nats(target[i]), unit()]] : null,
      temperature ? ["temperature", [figure(temperature[i], 3)]] : null,
      text.branches[i] ? ["branch", [h("span", { class: `branch ${text.branches[i]}` }, text.branches[i])]] : null,
      ["rank", [thousands(text.rank[i])]],
      [
        "kept",
        [thousands(text.kept[i]), text.keptMass[i] < 0.9995 ? ` (${percent(Math.log(text.keptMass[i]))})` : null],
      ],
    ];
    return h(
      "dl",
      { class: "measures" },
      rows.filter(Boolean).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", { "data-of": name }, value))),
    );
  }

  candidates(found) {
    const by = this.order === "before" ? "raw" : "processed";
    const worth = (one) => (finite(one[by]) ? one[by] : -1e9);
    const sorted = [...found].sort((a, b) => worth(b) - worth(a) || b.raw - a.raw);
    const most = Math.exp(Math.max(...found.flatMap((one) => [one.raw, one.processed]).filter(finite), -20));
    const bar = (logProb, which) => {
      const cell = h("td", { class: `prob ${which}` }, h("i", {}), h("span", {}, percent(logProb)));
      cell.firstChild.style.width = `${finite(logProb) ? (100 * Math.exp(logProb)) / most : 0}%`;
      return cell;
    };
    const head = (order) =>
      h(
        "th",
        { scope: "col", "aria-sort": this.order === order ? "descending" : null },
        h(
          "button",
          { type: "button", title: `Sort by the probability ${order} the sampler`, onclick: () => this.sort(order) },
          order,
          this.order === order ? h("span", { "aria-hidden": "true" }, " ↓") : null,
        ),
      );
    const rest = (key) => 1 - found.reduce((sum, one) => sum + (finite(one[key]) ? Math.exp(one[key]) : 0), 0);
    const left = (key) => (rest(key) > 0.0005 ? Math.log(rest(key)) : -Infinity);
    return h(
      "table",
      { class: "candidates" },
      h("caption", { class: "sr" }, "The most probable tokens before and after the sampler"),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "candidates"), head("before"), head("after"))),
      h(
        "tbody",
        {},
        sorted.map((one) =>
          h(
            "tr",
            {
              class: `${one.chosen ? "chosen" : ""} ${one.kept ? "" : "dropped"}`,
              "data-id": one.id,
              title: `id ${one.id}${one.chosen ? ", drawn" : ""}${one.kept ? "" : ", dropped by the sampler"}`,
            },
            h(
              "th",
              { scope: "row" },
              one.chosen ? h("span", { class: "drawn", "aria-label": "drawn: " }, "▸") : null,
              one.kept ? tokenName(one.text) : h("del", {}, tokenName(one.text)),
            ),
            bar(one.raw, "before"),
            one.kept ? bar(one.processed, "after") : h("td", { class: "prob after" }, h("span", {}, "dropped")),
          ),
        ),
        rest("raw") > 0.0005 || rest("processed") > 0.0005
          ? h(
              "tr",
              { class: "rest" },
              h("th", { scope: "row" }, "all others"),
              h("td", { class: "prob" }, h("span", {}, percent(left("raw")))),
              h("td", { class: "prob" }, h("span", {}, percent(left("processed")))),
            )
          : null,
      ),
    );
  }

  sort(order) {
    this.order = order;
    this.show(...this.shown);
    this.element.querySelector(`th[aria-sort] button`).focus();
  }

  reported(text, i) {
    const rows = Object.entries(text.report).map(([name, values]) => {
      const value = text.booleans.has(name)
        ? finite(values[i])
          ? values[i]
            ? "yes"
            : "no"
          : "–"
        : figure(values[i]);
      return h("div", {}, h("dt", {}, name.replaceAll("_", " ")), h("dd", { "data-report": name }, value));
    });
    if (finite(text.seconds[i]))
      rows.push(h("div", {}, h("dt", {}, "seconds"), h("dd", {}, figure(text.seconds[i], 3))));
    if (finite(text.samplerSeconds[i]))
      rows.push(h("div", {}, h("dt", {}, "in sampler"), h("dd", {}, figure(text.samplerSeconds[i], 3))));
    return rows.length
      ? h(
          "details",
          { class: "reported", open: this.open, ontoggle: (event) => (this.open = event.target.open) },
          h("summary", {}, Object.keys(text.report).length ? "The sampler's report" : "Time"),
          h("dl", {}, rows),
        )
      : null;
  }
}

// The least likely tokens of a text, each with what is around it.
function leastList(text, name, pick) {
  const ahead = name ? 2 : 4;
  const around = (from, to) => text.texts.slice(Math.max(0, from), to).join("").replace(/\s+/g, " ");
  return h(
    "section",
    { class: "least", "aria-label": name ? `Least likely tokens, ${name}` : "Least likely tokens" },
    h(
      "h3",
      {},
      name ? h("span", { class: "which" }, name) : null,
      name ? "least likely" : `The ${text.least.length} least likely tokens`,
    ),
    h(
      "ol",
      {},
      text.least.map((i) =>
        h(
          "li",
          {},
          h(
            "button",
            { type: "button", "data-i": i, title: `token ${i + text.first}`, onclick: () => pick(i) },
            h("span", { class: "nats" }, nats(-text.raw[i])),
            h("bdi", { class: "around" }, `${i > ahead ? "…" : ""}${around(i - ahead, i).trimStart()}`),
            tokenName(text.texts[i], "", true),
            h("bdi", { class: "around" }, around(i + 1, i + 4)),
          ),
        ),
      ),
    ),
  );
}
