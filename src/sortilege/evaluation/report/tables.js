// Verdicts as strips around 0, tables that can be sorted.

// An interval of a difference around 0; on the same scale within a card for each metric over all cards.
function strip(difference, reach) {
  const [value, low, high] = difference.values;
  const at = (x) => 100 * (0.5 + 0.48 * Math.max(-1, Math.min(1, x / reach)));
  const sign = known(low) ? (low > 0) - (high < 0) : 0;
  const side = !sign ? "" : (sign > 0) === (difference.better === "higher") ? "is-good" : "is-bad";
  const picture = s("svg", { class: side, role: "img", "aria-label": `${difference.name} ${signed(value)}` });
  picture.append(s("line", { class: "zero", x1: "50%", x2: "50%", y1: 1, y2: 19 }));
  if (known(low)) picture.append(s("line", { class: "whisker", x1: `${at(low)}%`, x2: `${at(high)}%`, y1: 10, y2: 10 }));
  picture.append(s("circle", { class: "dot", cx: `${at(value)}%`, cy: 10, r: 4 }));
  const shown = h("span", { class: `value ${side.replace("is-", "")}` }, signed(value));
  return [h("span", {}, difference.name), picture, shown, h("span", { class: "range" }, known(low) ? `${signed(low)} to ${signed(high)}` : "")];
}

const reaches = (verdicts) => {
  const found = {};
  for (const verdict of verdicts)
    for (const [metric, { values }] of Object.entries(verdict.differences))
      found[metric] = Math.max(found[metric] ?? 1e-9, ...values.filter(known).map(Math.abs));
  return found;
};

const CHIPS = { wins: "wins", loses: "loses", trades: "trades", ties: "ties" };

function card(verdict, reach, title, versus) {
  const judged = Object.entries(verdict.differences).filter(([metric]) => metric !== "between_prompts");
  const rate = verdict.differences.between_prompts;
  return h("article", { class: "card" },
    h("header", {},
      h("span", { class: "swatch", "--dot": dotOf(verdict.method) }),
      h("h3", {}, title), h("span", { class: "versus" }, versus, verdict.varied ? null : " · not as varied as the level asks"),
      h("span", { class: `chip ${verdict.verdict}` }, CHIPS[verdict.verdict])),
    h("div", { class: "strips" },
      judged.map(([metric, difference]) => strip(difference, reach[metric])),
      rate ? [h("span", { class: "apart" }), strip(rate, reach.between_prompts)] : null));
}

// rows: [{ head, values: {name: [v, low, high]}, sort, variant }]
function sortable(columns, rows, best) {
  const body = h("tbody");
  let by = null, up = true;
  const cell = (row, name) => {
    const [value, low, high] = row.values[name] ?? [null];
    return h("td", { class: best && known(value) && best(row, name, value) ? "best" : null, title: row.reasons?.[name] },
      fixed(value, name), known(low) ? h("small", {}, `${fixed(low, name)} – ${fixed(high, name)}`) : null);
  };
  const fill = () => {
    const sorted = [...rows];
    if (by) sorted.sort((a, b) => {
      const [x, y] = [a, b].map((row) => row.values[by]?.[0]);
      if (!known(x) || !known(y)) return known(y) - known(x);
      return up ? x - y : y - x;
    });
    body.replaceChildren(...sorted.map((row) => h("tr", {}, h("th", { scope: "row" }, row.head()), columns.map((name) => cell(row, name)))));
  };
  const heads = columns.map((name) => {
    const head = h("th", { scope: "col" }, h("button", { title: `${about(name).doc}${about(name).unit ? `, ${about(name).unit}` : ""}`, onclick: () => {
      up = by === name ? !up : about(name).better !== "higher";
      by = name;
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      fill();
    } }, about(name).name));
    return head;
  });
  fill();
  return h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "method"), heads)), body));
}

const headOf = (point) => () => point.variant
  ? h("span", { class: "variant" }, `${point.method}, ${point.variant} `, h("span", { class: "level" }, atLevel(point.level)))
  : h("span", { class: "method" }, h("span", { class: "swatch", "--dot": dotOf(point.method) }), h("span", {}, point.method, " ", h("span", { class: "level" }, atLevel(point.level), point.reached ? "" : ", less varied")));

// The best value of a level, among settings that reached it.
function bestOf(points) {
  return (row, name, value) => {
    const way = about(name).better;
    if (!way || row.variant) return false;
    const rivals = points.filter((point) => !point.variant && point.level === row.level).map((point) => point.metrics[name]?.[0]).filter(known);
    return rivals.length > 1 && value === (way === "lower" ? Math.min(...rivals) : Math.max(...rivals));
  };
}

function numbers(all) {
  const columns = all ? Object.keys(DATA.metrics) : DATA.key;
  const rows = DATA.points.map((point) => ({ head: headOf(point), values: point.metrics, reasons: point.reasons, variant: point.variant, level: point.level }));
  return sortable(columns, rows, bestOf(DATA.points));
}
