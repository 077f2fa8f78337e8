// What the strip of a canvas shows.

// Frame 0 is the canvas before the first step.
function stepLanes(columns, { text }) {
  const late = (values, first) => Float64Array.from({ length: text.n + 1 }, (_, i) => (i ? values[i - 1] : first));
  const masks = late(text.masksLeft, text.canvas.filter((place) => place === MASK).length);
  const counts = Float64Array.from({ length: text.n + 1 }, (_, i) => (i ? eventsOf(text, i - 1).revealed.length : 0));
  const found = [
    {
      name: "masks left",
      height: 40,
      low: 0,
      high: ends(masks)[1],
      series: [{ values: masks, color: "--realised", style: "line" }],
    },
    {
      name: "revealed at each step",
      height: 26,
      low: 0,
      high: Math.max(ends(counts)[1], 1),
      series: [
        {
          values: counts,
          color: "--after",
          style: "bars",
          colorOf: () => getComputedStyle(document.documentElement).getPropertyValue("--after"),
        },
      ],
    },
  ];
  // The same lanes for both traces, so that they line up.
  const names = new Set(
    columns.flatMap((column) =>
      Object.entries(column.text.values)
        .filter(([, some]) => some.some(finite))
        .map(([name]) => name),
    ),
  );
  for (const name of [...names].slice(0, 6)) {
    const values = late(text.values[name] || new Float64Array(text.n).fill(NaN), NaN);
    const outside = text.distances[name] ? late(text.distances[name], NaN) : null;
    const [low, high] = ends(
      (text.bounds[name] || []).filter((bound) => bound !== null),
      ...columns.map((column) => column.text.values[name]).filter(Boolean),
    );
    const series = [{ values, color: "--heat", style: "joined" }];
    for (const bound of text.bounds[name] || [])
      if (bound !== null)
        series.unshift({
          values: new Float64Array(text.n + 1).fill(bound),
          color: "--target",
          style: "dashed",
          label: series.length > 1 ? null : "bound",
        });
    if (outside && outside.some((x) => x > 0))
      series.unshift({ values: outside, color: "--warm", style: "outside", label: "outside its bounds" });
    found.push({ name, height: 34, low, high, series });
  }
  return found;
}
