/** A chart of a case as SVG, drawn by vega-lite: a bar for each row, the spread over the rounds as a line on it. */
import { summaryOf } from './statistics.mjs';

const OURS = '#1f6f5c';
const THEIRS = '#b8bcc4';

/** Answers SVG, or undefined when there is nothing to draw. Needs bench/node_modules. */
export async function chartOf({ rows, chart, title }) {
  const values = rows.flatMap((row) => {
    const summary = summaryOf(row.runs, chart.key);
    return summary ? [{ title: row.title, ours: row.kind === 'product', ...summary }] : [];
  });
  if (values.length === 0) return undefined;
  const [vega, { compile }] = await Promise.all([import('vega'), import('vega-lite')]);
  const view = new vega.View(vega.parse(compile(specOf(values, chart, title)).spec), { renderer: 'none' });
  return `${await view.toSVG()}\n`;
}

function specOf(values, { label, log }, title) {
  const y = { field: 'title', type: 'nominal', sort: null, title: null, axis: { labelLimit: 480 } };
  const scale = log ? { type: 'log' } : {};
  const x = (field) => ({ field, type: 'quantitative', title: label, scale });
  return {
    title: { text: title, anchor: 'start' },
    width: 480,
    background: 'white',
    config: { font: 'sans-serif' },
    data: { values },
    layer: [
      {
        mark: { type: log ? 'point' : 'bar', filled: true, size: log ? 80 : undefined },
        encoding: {
          y,
          x: x('median'),
          color: { field: 'ours', legend: null, scale: { domain: [true, false], range: [OURS, THEIRS] } },
        },
      },
      { mark: 'rule', encoding: { y, x: x('least'), x2: { field: 'most' } } },
    ],
  };
}
