/** Four curves over the same time. Each has its figures in words below it: the picture itself is left out for a screen reader. */
import { $, setText } from '../ground/dom.js';
import { bytes, count, seconds } from '../ground/words.js';
import { lately } from './span.js';
import uPlot from './uPlot.esm.js';

const rate = (value) => (value >= 10 ? count(Math.round(value)) : String(Number(value.toPrecision(2))));
/** Round figures of each unit, so that an axis has no odd ones. */
const BYTE_STEPS = Array.from({ length: 50 }, (_, power) => 2 ** power);
const AGE_STEPS = [
  1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400, 172_800, 604_800,
  2_592_000, 31_536_000,
];
const bytesOfAxis = (value) => bytes(value).replace('.0 ', ' ');
const CHARTS = [
  { id: 'chart-files', key: 'files_per_second', words: (value) => `${rate(value)} files/s`, axis: rate, least: 1 },
  {
    id: 'chart-bytes',
    key: 'bytes_per_second',
    words: (value) => `${bytes(Math.round(value))}/s`,
    axis: bytesOfAxis,
    incrs: BYTE_STEPS,
    least: 1024,
  },
  { id: 'chart-backlog', key: 'backlog_files', words: (value) => `${count(value)} files`, axis: count, least: 4 },
  { id: 'chart-age', key: 'oldest_age_seconds', words: seconds, axis: seconds, incrs: AGE_STEPS, least: 10 },
];
const HEIGHT = 150;
const plots = new Map();
let shown;

export function drawCharts(series) {
  shown = series;
  for (const chart of CHARTS) drawOne(chart, series);
}

function drawOne(chart, series) {
  const values = series[chart.key];
  setText($(`${chart.id}-words`), inWords(chart, series));
  const data = [series.at.map((iso) => Date.parse(iso) / 1_000), values];
  const plot = plots.get(chart.id);
  if (plot === undefined) plots.set(chart.id, new uPlot(options(chart), data, $(chart.id)));
  else plot.setData(data);
}

function inWords({ key, words }, { at, ...series }) {
  const values = series[key];
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return 'No data yet.';
  const most = Math.max(...known);
  const when = at[values.lastIndexOf(most)].slice(11, 16);
  return most === 0
    ? `${words(0)} all the time.`
    : `${words(known.at(-1))} ${lately(series)}; most ${words(most)}, at ${when} UTC.`;
}

const colour = (property) => getComputedStyle(document.documentElement).getPropertyValue(property).trim();
/** A single moment of a line alone could not be seen. */
const fewPoints = (drawn) => drawn.data[1].filter((value) => value !== null).length < 30;
/** In UTC, as all times of the page. */
const clockTimes = (_drawn, times) => times.map((second) => new Date(second * 1_000).toISOString().slice(11, 16));
const wholeSpan = () => [Date.parse(shown.at[0]) / 1_000 - shown.step_seconds, Date.parse(shown.at.at(-1)) / 1_000];
const width = (id) => Math.max(160, $(id).clientWidth);

function options({ id, axis: shownAs, incrs, least }) {
  const axis = { stroke: colour('--ink'), grid: { stroke: colour('--line') }, ticks: { stroke: colour('--line') } };
  return {
    width: width(id),
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { range: wholeSpan }, y: { range: (_plot, _low, high) => [0, Math.max(least, (high ?? 0) * 1.1)] } },
    tzDate: (second) => uPlot.tzDate(new Date(second * 1_000), 'Etc/UTC'),
    axes: [
      { ...axis, values: clockTimes },
      { ...axis, ...(incrs && { incrs }), size: 74, values: (_drawn, values) => values.map((value) => shownAs(value)) },
    ],
    series: [{}, { stroke: colour('--accent'), fill: colour('--accent-pale'), width: 2, points: { show: fewPoints } }],
  };
}

function again() {
  for (const plot of plots.values()) plot.destroy();
  plots.clear();
  if (shown !== undefined) drawCharts(shown);
}

const resized = new ResizeObserver((entries) => {
  for (const { target } of entries) plots.get(target.id)?.setSize({ width: width(target.id), height: HEIGHT });
});
for (const { id } of CHARTS) resized.observe($(id));
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', again);
