/** The curve of files a second: what the database remembers, and what the stream adds to it. */

import { $, setText } from './ground/dom.js';
import { ratesOf } from './rates.js';
import uPlot from './uPlot.esm.js';

const SECONDS_KEPT = 7_200;
let plot;
/** Unix seconds, and files that had ended by then. */
let points = [];
/** Files a second of all feeds in the last minute, as the flow has it. */
let lately = 0;

const colour = (property) => getComputedStyle(document.documentElement).getPropertyValue(property).trim();

function draw() {
  const data = ratesOf(points);
  if (data[0].length === 0) return;
  if (plot === undefined) plot = new uPlot(options(), data, $('curve'));
  else plot.setData(data);
  const most = data[1].reduce((a, b) => Math.max(a, b), 0);
  setText($('curve-words'), `${lately.toFixed(1)} files/s in the last minute, ${most.toFixed(1)} at most.`);
}

/** Of a line alone, nothing would be seen of a single moment. */
const fewPoints = (drawn) => drawn.data[0].length < 30;
/** In UTC, as all times of the page. */
const clockTimes = (_drawn, seconds) => seconds.map((second) => new Date(second * 1_000).toISOString().slice(11, 16));
const lastHours = () => [points.at(-1).at - SECONDS_KEPT, points.at(-1).at];
const width = () => Math.max(200, $('curve').clientWidth);

function options() {
  const axis = { stroke: colour('--ink'), grid: { stroke: colour('--line') }, ticks: { stroke: colour('--line') } };
  return {
    width: width(),
    height: 180,
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { range: lastHours }, y: { range: (_plot, _low, high) => [0, Math.max(1, high * 1.1)] } },
    tzDate: (second) => uPlot.tzDate(new Date(second * 1_000), 'Etc/UTC'),
    axes: [
      { ...axis, values: clockTimes },
      { ...axis, size: 60 },
    ],
    series: [{}, { stroke: colour('--accent'), fill: colour('--accent-pale'), width: 2, points: { show: fewPoints } }],
  };
}

export async function loadCurve(look) {
  lately = latelyIn(look);
  const answer = await fetch('history');
  if (!answer.ok) return;
  const { at, files } = await answer.json();
  points = at.map((moment, i) => ({ at: Date.parse(moment) / 1_000, files: files[i] }));
  draw();
}

/** At most one point every five seconds. */
export function addPoint(look) {
  lately = latelyIn(look);
  const at = Date.parse(look.at) / 1_000;
  if (points.length > 0 && at - points.at(-1).at < 5) return;
  const files = look.totals
    .filter(({ name }) => name === 'stored' || name === 'duplicate')
    .reduce((sum, one) => sum + one.files, 0);
  points.push({ at, files });
  while (points.length > 2 && points[0].at < at - SECONDS_KEPT) points.shift();
  draw();
}

function latelyIn({ stages }) {
  const last = stages.at(-1)?.stage;
  return stages.reduce((sum, one) => sum + (one.stage === last ? one.files_per_second : 0), 0);
}

function again() {
  plot?.destroy();
  plot = undefined;
  draw();
}

new ResizeObserver(() => plot?.setSize({ width: width(), height: 180 })).observe($('curve'));
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', again);
