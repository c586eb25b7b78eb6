/** The value below which `share` of a list lies, between neighbours by proportion. */
export function quantile(values, share) {
  const sorted = values.toSorted((one, other) => one - other);
  const place = (sorted.length - 1) * share;
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
}

export function median(values) {
  return quantile(values, 0.5);
}

/** What the rounds of a case say: nanoseconds an operation, and the ratio of the two sides round by round. */
export function summarise(rounds) {
  const ratios = rounds.map(({ ours, plain }) => ours / plain);
  return {
    ours: median(rounds.map(({ ours }) => ours)),
    plain: median(rounds.map(({ plain }) => plain)),
    ratio: median(ratios),
    low: quantile(ratios, 0.1),
    high: quantile(ratios, 0.9),
  };
}
