// What text can be shaded by: numbers of each token, where they come from, and how they are to be read.

const LOGARITHMIC = new Set(["rank", "kept", "concentration"]);
const UNITS = {
  target_entropy: "nats",
  entropy: "nats",
  kl_emwa: "nats",
  kl_dirichlet: "nats",
  emwa_cross_ent: "nats",
  emwa_entropy: "nats",
  emwa_dir_ent: "nats",
  mu: "bits",
};

function difference(a, b) {
  return a.map((x, i) => x - b[i]);
}

function fieldsOf(text) {
  const found = [];
  const add = (key, group, label, unit, values, more = {}) => {
    if (values && values.some(finite))
      found.push({ key, group, label, unit, values, kind: "plain", log: LOGARITHMIC.has(key), ...more });
  };
  const minus = (values) => values.map((x) => 0 - x);
  const surprisal = minus(text.raw);
  add("surprisal", "Model", "surprisal", "nats", surprisal);
  add("rank", "Model", "rank", "", text.rank);
  add("raw_entropy", "Model", "entropy", "nats", text.rawEntropy);
  add("typicality", "Model", "surprisal minus entropy", "nats", difference(surprisal, text.rawEntropy), {
    kind: "signed",
  });
  add("processed_surprisal", "After the sampler", "surprisal, after", "nats", minus(text.processed));
  add("gain", "After the sampler", "log-probability gained", "nats", difference(text.processed, text.raw), {
    kind: "signed",
  });
  add("processed_entropy", "After the sampler", "entropy, after", "nats", text.processedEntropy);
  if (text.report.target_entropy)
    add(
      "entropy_error",
      "After the sampler",
      "entropy minus target",
      "nats",
      difference(text.processedEntropy, text.report.target_entropy),
      { kind: "signed" },
    );
  add("kept", "After the sampler", "tokens kept", "", text.kept);
  add("kept_mass", "After the sampler", "probability kept", "", text.keptMass);
  const branch = Float64Array.from(text.branches, (name) => (name === null ? NaN : Number(name === "inlier")));
  add("branch", "Sampler's report", "branch", "", branch, { kind: "yes", names: ["outlier", "inlier"] });
  for (const [name, values] of Object.entries(text.report)) {
    const kind = text.booleans.has(name) ? "yes" : "plain";
    if (name === "inlier") continue;
    add(`report.${name}`, "Sampler's report", name.replaceAll("_", " "), UNITS[name] || "", values, {
      kind,
      log: LOGARITHMIC.has(name),
      names: ["no", "yes"],
    });
  }
  add("seconds", "Time", "seconds", "s", text.seconds);
  add("sampler_seconds", "Time", "seconds in the sampler", "s", text.samplerSeconds);
  return found;
}

// What slots of a canvas can be shaded by. history: what `replay` found.
function slotFieldsOf(history) {
  const { revealedAt, logProb, entropy } = history;
  return [
    { key: "step", group: "Slots", label: "step revealed", unit: "", values: revealedAt, kind: "plain" },
    {
      key: "surprisal",
      group: "Slots",
      label: "surprisal when revealed",
      unit: "nats",
      values: logProb.map((x) => 0 - x),
      kind: "plain",
    },
    { key: "entropy", group: "Slots", label: "entropy when revealed", unit: "nats", values: entropy, kind: "plain" },
  ];
}

function selectOf(fields, chosen) {
  return [...grouped(fields)].map(([group, some]) =>
    h(
      "optgroup",
      { label: group },
      some.map((field) => h("option", { value: field.key, selected: field.key === chosen }, field.label)),
    ),
  );
}

function grouped(fields) {
  const groups = new Map();
  for (const field of fields) groups.set(field.group, [...(groups.get(field.group) || []), field]);
  return groups;
}

const valueOf = (field, i) =>
  field.kind === "yes"
    ? finite(field.values[i])
      ? field.names[field.values[i]]
      : "–"
    : field.unit === "nats"
      ? nats(field.values[i])
      : figure(field.values[i]);
