// Numbers as the product writes them (firmtrade_core.labels.units.number), and what lies between solved points
// (firmtrade_core.report.lever_path.interpolated): the same rules, for a lever that moves.

const MINUS = "\u2212";
const THIN = "\u202f";
const MOST_DECIMALS = 2;

export function written(value, signed = true, significant = 2) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  if (Math.abs(value) < 0.5 * 10 ** -MOST_DECIMALS) return `0.${"0".repeat(MOST_DECIMALS)}`;
  const magnitude = Math.floor(Math.log10(Math.abs(value)));
  const decimals = significant - 1 - magnitude;
  const kept = Math.min(decimals, MOST_DECIMALS);
  const rounded = kept >= 0 ? Number(Math.abs(value).toFixed(kept)) : Math.round(Math.abs(value) / 10 ** -kept) * 10 ** -kept;
  let shown = Math.max(0, kept);
  if (rounded >= 10 ** (magnitude + 1) && shown > 0 && decimals <= MOST_DECIMALS) shown -= 1;
  const [whole, part] = rounded.toFixed(shown).split(".");
  const text = whole.replace(/\B(?=(\d{3})+$)/g, THIN) + (part ? `.${part}` : "");
  return (value < 0 ? MINUS : signed ? "+" : "") + text;
}

// Persons, firms and the like come whole.
export const WHOLE = new Set(["firms", "persons", "firm-market pairs", "exporters"]);

export function withUnit(value, unit, signed = true) {
  const text = WHOLE.has(unit) && Math.abs(value) >= 100 ? written(Math.round(value), signed, 3) : written(value, signed);
  return unit ? `${text}\u00a0${unit}` : text;
}

// A cubic through each pair that never overshoots it (Fritsch and Carlson 1980).
export function between(xs, ys, value) {
  const n = xs.length;
  if (n === 1) return ys[0];
  let k = xs.findIndex((x) => x >= value) - 1;
  if (k === -2) k = n - 2;
  k = Math.max(0, Math.min(k, n - 2));
  const slope = (i) => (ys[i + 1] - ys[i]) / (xs[i + 1] - xs[i]);
  const tangent = (i) => {
    if (i === 0) return slope(0);
    if (i === n - 1) return slope(n - 2);
    const [before, after] = [slope(i - 1), slope(i)];
    if (before * after <= 0) return 0;
    const [left, right] = [xs[i] - xs[i - 1], xs[i + 1] - xs[i]];
    const mean = (before * right + after * left) / (left + right);
    return Math.sign(mean) * Math.min(Math.abs(mean), 3 * Math.min(Math.abs(before), Math.abs(after)));
  };
  const h = xs[k + 1] - xs[k];
  const t = (value - xs[k]) / h;
  return (1 + 2 * t) * (1 - t) ** 2 * ys[k] + t * (1 - t) ** 2 * h * tangent(k)
    + t * t * (3 - 2 * t) * ys[k + 1] + t * t * (t - 1) * h * tangent(k + 1);
}

// A list of numbers at once; a number that is missing at a neighbour is missing between.
export function betweenAll(xs, lists, value) {
  return lists[0].map((_, i) => {
    const ys = lists.map((list) => list[i]);
    return ys.some((y) => y === null) ? null : between(xs, ys, value);
  });
}

// Half-ranges of scales go 1, 2, 5, 10 ...: the smallest that holds all but a twentieth of the values.
export function halfRange(values, floor = 0.1) {
  const known = values.filter((v) => v !== null).map(Math.abs).sort((a, b) => a - b);
  if (!known.length) return floor;
  const place = 0.95 * (known.length - 1);
  const low = Math.floor(place);
  const wanted = known[low] + (place - low) * ((known[low + 1] ?? known[low]) - known[low]);
  if (wanted <= floor) return floor;
  const power = 10 ** Math.floor(Math.log10(wanted));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => wanted <= step * (1 + 1e-9));
}
