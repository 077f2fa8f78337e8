// The traces as they came, unpacked: a Float64Array a column, with NaN where there is no finite number.

function numbers(packed, n) {
  const found = new Float64Array(n);
  if (!Array.isArray(packed)) return found.fill(number(packed));
  for (let i = 0; i < n; i++) found[i] = number(packed[i]);
  return found;
}

function number(x) {
  if (x === null || x === undefined) return NaN;
  return typeof x === "boolean" ? Number(x) : x;
}

const isBoolean = (packed) =>
  (Array.isArray(packed) ? packed : [packed]).every((x) => x === null || typeof x === "boolean") &&
  (Array.isArray(packed) ? packed : [packed]).some((x) => x !== null);

// The places where runs of these lengths begin, and where the last one ends.
function offsets(counts, n) {
  const found = new Uint32Array(n + 1);
  for (let i = 0; i < n; i++) found[i + 1] = found[i] + (Array.isArray(counts) ? counts[i] : counts);
  return found;
}

// One text of a trace of tokens.
function unpackTokens(trace, request) {
  const n = request.n;
  const texts = request.tokens.map((place) => trace.texts[place]);
  const branches = Array.isArray(request.branch) ? request.branch : Array(n).fill(request.branch);
  const found = {
    ...request,
    ids: request.tokens.map((place) => trace.ids[place]),
    texts,
    raw: numbers(request.raw_log_prob, n),
    processed: numbers(request.processed_log_prob, n),
    rank: numbers(request.rank, n),
    rawEntropy: numbers(request.raw_entropy, n),
    processedEntropy: numbers(request.processed_entropy, n),
    kept: numbers(request.kept, n),
    keptMass: numbers(request.kept_mass, n),
    seconds: numbers(request.seconds, n),
    samplerSeconds: numbers(request.sampler_seconds, n),
    branches,
    report: Object.fromEntries(Object.entries(request.report).map(([name, packed]) => [name, numbers(packed, n)])),
    booleans: new Set(Object.keys(request.report).filter((name) => isBoolean(request.report[name]))),
    starts: offsets(request.candidates.counts, n),
  };
  found.least = leastLikely(found);
  return found;
}

// The candidates of token i, and the token itself if it was none of them; in the model's order.
function candidatesOf(trace, text, i) {
  const packed = text.candidates;
  const found = [];
  for (let c = text.starts[i]; c < text.starts[i + 1]; c++) {
    const place = packed.tokens[c];
    found.push({
      id: trace.ids[place],
      text: trace.texts[place],
      raw: number(packed.raw[c]),
      processed: number(packed.processed[c]),
      kept: packed.kept[c] === "1",
      chosen: place === text.tokens[i],
    });
  }
  if (!found.some((one) => one.chosen)) {
    const processed = text.processed[i];
    found.push({
      id: text.ids[i],
      text: text.texts[i],
      raw: text.raw[i],
      processed,
      kept: finite(processed),
      chosen: true,
    });
    found.sort((a, b) => (finite(b.raw) ? b.raw : -1e9) - (finite(a.raw) ? a.raw : -1e9));
  }
  return found;
}

// The positions of the least likely tokens under the model, the least likely first: a twentieth, and 20 to 200.
function leastLikely(text) {
  const order = Array.from({ length: text.n }, (_, i) => i);
  const worth = (i) => (finite(text.raw[i]) ? text.raw[i] : -1e9);
  order.sort((a, b) => worth(a) - worth(b) || a - b);
  return order.slice(0, clamp(Math.ceil(text.n / 20), 20, 200));
}

function mean(values) {
  let sum = 0;
  let count = 0;
  for (const x of values)
    if (finite(x)) {
      sum += x;
      count += 1;
    }
  return count ? sum / count : NaN;
}

// What a part [from, to) of a text comes to.
function summaryOf(text, from = 0, to = text.n) {
  const part = (values) => values.subarray(from, to);
  const nll = -mean(part(text.raw));
  const total = part(text.seconds).reduce((sum, x) => sum + (finite(x) ? x : 0), 0);
  const taken = text.branches.slice(from, to).filter((branch) => branch !== null);
  const target = text.report.target_entropy;
  return {
    tokens: to - from,
    nll,
    perplexity: Math.exp(nll),
    rawEntropy: mean(part(text.rawEntropy)),
    entropy: mean(part(text.processedEntropy)),
    target: target ? mean(part(target)) : NaN,
    rate: total > 0 ? (to - from) / total : NaN,
    inliers: taken.length ? taken.filter((branch) => branch === "inlier").length / taken.length : NaN,
  };
}

// The first position at which two texts differ; -1 where one is the other.
function divergence(a, b) {
  const n = Math.min(a.n, b.n);
  for (let i = 0; i < n; i++) if (a.texts[i] !== b.texts[i] || (a.sameIds && a.ids[i] !== b.ids[i])) return i;
  return a.n === b.n ? -1 : n;
}
