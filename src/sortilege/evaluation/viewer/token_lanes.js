// What the strip of a text of tokens shows.

// The lanes of a text's strip: those for which the trace has numbers.
function tokenLanes(columns, { text }) {
  const all = (name) => columns.map((column) => column.text.report[name]).filter(Boolean);
  const wide = clamp(Math.round(text.n / 40), 5, 64);
  const { target_entropy: target, temperature } = text.report;
  const high = Math.max(
    ends(...columns.map((column) => column.text.processedEntropy), ...all("target_entropy"))[1],
    0.5,
  );
  const entropy = [{ values: text.processedEntropy, color: "--realised", style: "faint" }];
  if (target) entropy.push({ values: target, color: "--target", style: "line", label: "target" });
  else entropy.push({ values: smooth(text.rawEntropy, wide), color: "--target", style: "dashed", label: "model" });
  entropy.push({
    values: smooth(text.processedEntropy, wide),
    color: "--realised",
    style: "line",
    label: `${target ? "realised" : "after the sampler"}, mean of ${wide}`,
  });
  const found = [{ name: "entropy", height: 62, low: 0, high, series: entropy }];
  if (temperature && temperature.some(finite)) {
    const [low, most] = ends(...all("temperature"));
    found.push({
      name: "temperature",
      height: 34,
      low,
      high: most,
      series: [{ values: temperature, color: "--heat", style: "line" }],
    });
  }
  if (text.branches.some((branch) => branch !== null)) {
    const values = Float64Array.from(text.branches, (branch) => (branch === null ? NaN : Number(branch === "inlier")));
    found.push({
      name: "branch",
      height: 9,
      low: 0,
      high: 1,
      series: [
        { values, colors: ["--outlier", "--inlier"], color: "--outlier", style: "share", label: "outlier" },
        { values: [], color: "--inlier", style: "share", label: "inlier" },
      ],
    });
  }
  return found;
}

// The last lane shows what the text is shaded by, in the same colours; the branch has its lane already.
function fieldLane(columns, column, spans, colors) {
  const field = column.field;
  if (field.key === "branch")
    return {
      name: "surprisal",
      height: 34,
      low: 0,
      high: ends(...columns.map((one) => one.text.raw))[0] * -1,
      series: [
        {
          values: column.text.raw.map((x) => 0 - x),
          style: "bars",
          color: "--ink",
          colorOf: (i) => colors[column.field.values[i] ? LEVELS - 1 : 0],
        },
      ],
    };
  const [low, high] = ends(...columns.map((one) => one.field.values));
  return {
    name: field.label,
    height: 34,
    low: field.kind === "yes" ? 0 : Math.min(low, 0),
    high: Math.max(high, 0),
    series: [
      {
        values: field.values,
        style: "bars",
        color: "--ink",
        colorOf: (i) => colors[Math.max(levelOf(field.values[i], field, spans), 0)],
      },
    ],
  };
}
