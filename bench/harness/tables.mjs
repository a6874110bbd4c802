/** The figures of a case as a Markdown table: median, and least to most where there were several rounds. */
import { ratioOf, shown, spread, summaryOf } from './statistics.mjs';

/** `columns`: { key, label, ratio?, less? }; the ratio is that of the row which a peer is held `against` (the first) to its own. */
export function tableOf({ rows, columns }) {
  const counted = rows.some(({ counts }) => counts);
  const head = ['', ...columns.flatMap(({ label, ratio }) => (ratio ? [label, 'product is'] : [label]))];
  if (counted) head.push('per 1,000 files: system calls', 'syncs', 'transactions');
  const lines = rows.map((row) => [
    row.mark ? `${row.title} (${row.mark})` : row.title,
    ...(row.runs.length === 0
      ? [`not run: ${firstLine(row.notRun)}`]
      : columns.flatMap((column) => cells(rows, row, column))),
    ...(counted ? [row.counts?.calls, row.counts?.syncs, row.counts?.transactions].map(shown) : []),
  ]);
  const width = head.length;
  return markdown([head, head.map((_, n) => (n === 0 ? '---' : '---:')), ...lines.map((line) => padded(line, width))]);
}

export const markdown = (lines) => lines.map((line) => `| ${line.join(' | ')} |`).join('\n');

function cells(rows, row, column) {
  const summary = summaryOf(row.runs, column.key);
  const cell = summary ? spread(summary) : '–';
  if (!column.ratio) return [cell];
  const own = rows.find(({ id }) => id === row.against) ?? rows[0];
  const ratio = row.kind === 'product' ? undefined : ratioOf(own.runs, row.runs, column);
  return [cell, ratio ? `${spread(ratio)} ×` : ''];
}

const padded = (line, width) => [...line, ...Array(Math.max(0, width - line.length)).fill('')].slice(0, width);
const firstLine = (text = 'no round') => text.split('\n')[0];
