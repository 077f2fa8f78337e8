// What plotly draws. Each figure is a function of the current colours, so that it can be drawn again in others.

const SYMBOLS = ["circle", "diamond", "square", "triangle-up", "cross"];
const symbolOf = (level) => (level === null ? "star-diamond" : SYMBOLS[DATA.levels.indexOf(level) % SYMBOLS.length]);
const escaped = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const wrapped = (text, width = 60) => escaped(text).replace(new RegExp(`(.{1,${width}})(?:,\\s|$)`, "g"), "$1<br>").replace(/<br>$/, "");
const POINTS = DATA.points.filter((point) => !point.variant);
const about = (metric) => DATA.metrics[metric] ?? { name: metric, unit: "" };
const axisName = (metric) => about(metric).name + (about(metric).unit ? ` (${about(metric).unit})` : "");

function axis(title, more = {}) {
  return {
    title: { text: title, standoff: 10, font: { size: 13, color: color("--muted") } },
    gridcolor: color("--line"),
    zeroline: false,
    linecolor: color("--line"),
    tickcolor: color("--line"),
    automargin: true,
    ...more,
  };
}

function draw(element, traces, layout) {
  const base = {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: color("--sans"), size: 13, color: color("--ink") },
    hoverlabel: { bgcolor: color("--raised"), bordercolor: color("--line"), font: { family: color("--sans"), color: color("--ink") }, align: "left" },
    margin: { l: 62, r: 24, t: 18, b: 60 },
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
    hovermode: "closest",
  };
  const config = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] };
  element.style.height = `${layout.height + 14}px`;
  Plotly.react(element, traces, { ...base, ...layout }, config);
}

const bars = (values, side, shade) => ({
  type: "data",
  symmetric: false,
  array: values.map(([v, low, high]) => (known(high) ? high - v : 0)),
  arrayminus: values.map(([v, low]) => (known(low) ? v - low : 0)),
  color: shade,
  thickness: 1.3,
  width: 0,
});

function hover(point, metrics) {
  const numbers = metrics.filter((m, i) => metrics.indexOf(m) === i && point.metrics[m]).map((m) => {
    const [v, low, high] = point.metrics[m];
    return `${about(m).name} <b>${fixed(v, m)}</b>${known(low) ? `  (${fixed(low, m)} to ${fixed(high, m)})` : ""}`;
  });
  return [`<b>${escaped(point.name)}</b>`, wrapped(point.short), ...numbers].join("<br>");
}

// Quality against diversity: a line a method, its levels in order.
function frontier(element, x, y, trials) {
  const traces = [];
  if (trials && DATA.trials.every((trial) => known(trial.metrics[x]) && known(trial.metrics[y]))) {
    for (const method of DATA.methods) {
      const own = DATA.trials.filter((trial) => trial.method === method.label);
      traces.push({
        x: own.map((trial) => trial.metrics[x]), y: own.map((trial) => trial.metrics[y]),
        text: own.map((trial) => `${escaped(method.label)}, tried<br>${wrapped(trial.setting)}`),
        mode: "markers", hoverinfo: "text", showlegend: false, legendgroup: method.label,
        marker: { size: 5, color: colorOf(method.label), opacity: 0.3 },
      });
    }
  }
  for (const method of DATA.methods) {
    const own = POINTS.filter((point) => point.method === method.label && point.metrics[x] && known(point.metrics[y]?.[0]));
    own.sort((a, b) => a.metrics[x][0] - b.metrics[x][0]);
    if (!own.length) continue;
    const shade = colorOf(method.label);
    traces.push({
      name: escaped(method.label), legendgroup: method.label,
      x: own.map((point) => point.metrics[x][0]), y: own.map((point) => point.metrics[y][0]),
      error_x: bars(own.map((point) => point.metrics[x]), "x", shade), error_y: bars(own.map((point) => point.metrics[y]), "y", shade),
      text: own.map((point) => hover(point, [y, x, "nll", "judge_nll", "distinct_3", "repeated_4", "between_prompts"])),
      mode: "lines+markers", hoverinfo: "text",
      line: { color: shade, width: 1.6, dash: method.baseline ? "dot" : "solid" },
      marker: { size: 12, color: shade, symbol: own.map((point) => symbolOf(point.level)), line: { color: color("--raised"), width: 1.5 } },
    });
  }
  const reference = DATA.references.prompts;
  if (reference && known(reference.metrics[x]) && known(reference.metrics[y])) {
    traces.push({
      name: escaped(reference.what), x: [reference.metrics[x]], y: [reference.metrics[y]], mode: "markers", hoverinfo: "name",
      marker: { symbol: "x-thin", size: 13, color: color("--muted"), line: { color: color("--muted"), width: 2.5 } },
    });
  }
  const wayX = about(x).better === "higher" ? "right" : "left", wayY = about(y).better === "lower" ? "down" : "up";
  draw(element, traces, {
    height: 540,
    xaxis: axis(axisName(x)), yaxis: axis(axisName(y)),
    annotations: [{
      text: `better: ${wayY} and ${wayX}`, xref: "paper", yref: "paper", showarrow: false, font: { color: color("--muted"), size: 12 },
      x: wayX === "right" ? 0.995 : 0.005, y: wayY === "down" ? 0.01 : 0.99, xanchor: wayX, yanchor: wayY === "down" ? "bottom" : "top",
    }],
  });
}

// How evenly a rate is held: every prompt a dot.
function rates(element) {
  const rows = [...POINTS].filter((point) => point.entropy.some(known)).sort((a, b) => b.metrics.between_prompts?.[0] - a.metrics.between_prompts?.[0]);
  const traces = rows.map((point) => ({
    type: "box", orientation: "h", name: escaped(point.name), x: point.entropy, boxpoints: "all", jitter: 0.5, pointpos: 0,
    text: DATA.prompts.map((prompt) => escaped(prompt.length > 60 ? `${prompt.slice(0, 57)}...` : prompt)), hovertemplate: "%{x:.2f} nats after<br>%{text}<extra></extra>",
    marker: { size: 4.5, opacity: 0.55, color: colorOf(point.method) }, line: { width: 1.3, color: colorOf(point.method) },
    fillcolor: "rgba(0,0,0,0)", showlegend: false,
  }));
  const notes = rows.map((point) => ({
    x: 1, xref: "paper", xanchor: "left", y: escaped(point.name), text: `sd ${fixed(point.metrics.between_prompts?.[0], "")}`, showarrow: false,
    font: { color: color("--muted"), size: 12 },
  }));
  draw(element, traces, {
    height: 120 + 44 * rows.length, margin: { l: 20, r: 78, t: 12, b: 60 }, annotations: notes,
    xaxis: axis("mean entropy of the distributions drawn from, nats per token"), yaxis: axis("", { gridcolor: "rgba(0,0,0,0)" }),
  });
}

// Whether the entropy that was asked for is the entropy that was had.
function agreement(element, points) {
  const all = points.flatMap((point) => [...point.target, ...point.entropy]).filter(known);
  const ends = [Math.min(...all), Math.max(...all)];
  const line = { x: ends, y: ends, mode: "lines", hoverinfo: "skip", showlegend: false, line: { color: color("--faint"), dash: "dot", width: 1.2 } };
  const traces = points.map((point) => ({
    name: escaped(point.name), x: point.target, y: point.entropy, mode: "markers",
    text: DATA.prompts.map((prompt) => escaped(prompt.slice(0, 60))), hovertemplate: "asked %{x:.2f}, had %{y:.2f}<br>%{text}<extra></extra>",
    marker: { size: 7, opacity: 0.75, color: colorOf(point.method), symbol: symbolOf(point.level) },
  }));
  draw(element, [line, ...traces], { height: 420, xaxis: axis("target entropy, nats"), yaxis: axis("realised entropy, nats") });
}

// Which branch drew the tokens.
function branches(element, points) {
  const rows = [...points].reverse();
  const share = (name) => rows.map((point) => point.metrics[name]?.[0]);
  const names = rows.map((point) => escaped(point.name));
  const part = (name, x, shade) => ({ type: "bar", orientation: "h", name, x, y: names, marker: { color: shade }, hovertemplate: `${name} %{x:.1%}<extra></extra>` });
  const inlier = share("inlier");
  draw(element, [
    part("Dirichlet branch", inlier, color("--c2")),
    part("tempered prediction alone", inlier.map((x) => 1 - x), color("--faint")),
  ], {
    barmode: "stack", bargap: 0.42, height: Math.max(230, 150 + 44 * rows.length), margin: { l: 20, r: 24, t: 40, b: 60 },
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, traceorder: "normal" },
    xaxis: axis("share of tokens", { tickformat: ".0%", range: [0, 1] }), yaxis: axis("", { gridcolor: "rgba(0,0,0,0)" }),
  });
}

// What tuning tried, and what was chosen of it.
function tuning(element) {
  const reference = DATA.references.tune_prompts?.metrics.distinct_3;
  const traces = DATA.methods.filter((method) => method.trials).flatMap((method) => {
    const own = DATA.trials.filter((trial) => trial.method === method.label), taken = own.filter((trial) => trial.chosen);
    const shade = colorOf(method.label);
    const at = (trials) => ({ x: trials.map((trial) => trial.metrics.distinct_3), y: trials.map((trial) => trial.metrics.nll), text: trials.map((trial) => `<b>${escaped(method.label)}</b><br>${wrapped(trial.setting)}`), mode: "markers", hoverinfo: "text", legendgroup: method.label });
    return [
      { ...at(own), name: escaped(method.label), marker: { size: 7, color: shade, opacity: 0.5 } },
      { ...at(taken), showlegend: false, marker: { size: 15, color: "rgba(0,0,0,0)", line: { color: shade, width: 2 } } },
    ];
  });
  // Where settings were chosen; a double click shows all.
  const chosen = DATA.trials.filter((trial) => trial.chosen), low = Math.min(...chosen.map((trial) => trial.metrics.distinct_3), known(reference) ? Math.min(...DATA.levels) * reference : 1);
  const seen = DATA.trials.filter((trial) => trial.metrics.distinct_3 >= 0.9 * low).map((trial) => trial.metrics.nll), top = Math.max(...chosen.map((trial) => trial.metrics.nll));
  const across = [0.9 * low, 1.01], up = [0.92 * Math.min(...seen), 1.12 * top];
  const lines = known(reference) ? DATA.levels.map((level) => ({ type: "line", x0: level * reference, x1: level * reference, yref: "paper", y0: 0, y1: 1, line: { color: color("--faint"), width: 1.2, dash: "dot" } })) : [];
  const notes = known(reference) ? DATA.levels.map((level) => ({ x: level * reference, yref: "paper", y: 1, yanchor: "bottom", text: `level ${level}`, showarrow: false, font: { color: color("--muted"), size: 11.5 } })) : [];
  draw(element, traces, { height: 460, shapes: lines, annotations: notes, legend: { orientation: "h", y: 1.07, yanchor: "bottom", x: 0 }, margin: { l: 62, r: 24, t: 30, b: 60 }, xaxis: axis("distinct-3 on the tuning prompts", { range: across }), yaxis: axis("nll on the tuning prompts, nats per token", { range: up }) });
}
