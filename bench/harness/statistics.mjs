/** Medians, spreads and percentiles. */

export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Of one figure over the rounds; undefined where no round has it. */
export function summaryOf(runs, key) {
  const values = runs.map((run) => run[key]).filter((value) => Number.isFinite(value));
  if (values.length === 0) return undefined;
  return { median: median(values), least: Math.min(...values), most: Math.max(...values) };
}

/** How many times as good as `other`: of each round, as both ran in it; `less`: the smaller figure is the better one. */
export function ratioOf(own, other, { key, less }) {
  const runs = own.map((run, round) => {
    const [one, two] = [run[key], other[round]?.[key]];
    return { ratio: less ? two / one : one / two };
  });
  return summaryOf(runs, 'ratio');
}

export const spread = ({ median, least, most }) =>
  least === most ? shown(median) : `${shown(median)} (${shown(least)}–${shown(most)})`;

/** Three significant digits, thousands separated. */
export function shown(value) {
  if (value === undefined || !Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toLocaleString('en-US', { maximumFractionDigits: Math.min(digits, 4) });
}
