/**
 * The histories of the page: asks for the series of the chosen feed over the last hour or day, and hands it to the charts, the strip of ages
 * and the tables. The state keeps them, so they are there after a restart of the server or of the page.
 */
import { $, setText } from '../ground/dom.js';
import { drawCharts } from './charts.js';
import { drawAges } from './heat.js';
import { drawRows, drawTimes } from './tables.js';

const AGAIN_MS = 15_000;
const NONE = 'No data yet: nothing has been counted in this state.';

let wanted = { feed: '*', hours: 1 };
let asked;
let askedAt = Number.NEGATIVE_INFINITY;

/** Called at each snapshot. Asks where the feed is another one, or the answer is old. */
export function followSeries(feed) {
  wanted = { ...wanted, feed };
  const key = `${wanted.feed} ${wanted.hours}`;
  if (key === asked && performance.now() - askedAt < AGAIN_MS) return;
  asked = key;
  askedAt = performance.now();
  load(wanted, key).catch(() => {});
}

async function load({ feed, hours }, key) {
  const answer = await fetch(`series?${new URLSearchParams({ feed, hours })}`);
  // Another choice was made meanwhile, or the server is older than the page.
  if (!answer.ok || key !== asked) return;
  draw(await answer.json());
}

function draw(series) {
  const last = series.hours === 1 ? 'hour' : 'day';
  const since = series.known_since === null ? undefined : Date.parse(series.known_since);
  const isPart = since !== undefined && since > Date.parse(series.at[0]);
  setText($('series-known'), since === undefined ? NONE : isPart ? `Known since ${clock(series.known_since)}.` : '');
  drawCharts(series);
  drawAges(series);
  drawRows(series);
  drawTimes(series, last);
  $('series').dataset.shown = `${series.feed} ${series.hours}`;
}

const clock = (iso) => `${iso.slice(11, 16)} UTC`;

for (const choice of document.getElementsByName('hours'))
  choice.addEventListener('change', () => {
    wanted = { ...wanted, hours: Number(choice.value) };
    followSeries(wanted.feed);
  });
