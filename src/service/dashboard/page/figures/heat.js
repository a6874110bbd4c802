/**
 * The age of the oldest file of each stage over time, as a strip. A level is shown by its lightness and by its height, so no colour has to be
 * known apart; the same is said in words beside each strip.
 */
import { $, element, list, setText } from '../ground/dom.js';
import { seconds } from '../ground/words.js';
import { lately } from './span.js';

/** The oldest age, in seconds, up to which a level goes. Level 0: nothing waited. */
const LEVELS = [0, 60, 600, 3_600, 28_800, Number.POSITIVE_INFINITY];
const NAMES = ['nothing waited', 'under 1 min', 'under 10 min', 'under 1 h', 'under 8 h', '8 h and more'];
const HEIGHTS = [0.08, 0.3, 0.45, 0.6, 0.8, 1];
const SVG = 'http://www.w3.org/2000/svg';

const levelOf = (age) =>
  age === null ? 'unknown' : age === 0 ? 0 : LEVELS.findIndex((most, i) => i > 0 && age < most);

export function drawAges(series) {
  const { at, stages, step_seconds: step } = series;
  list(
    $('ages'),
    stages,
    ({ stage }) => stage,
    row,
    (item, { stage, oldest_age_seconds: ages }) => {
      const [title, strip, words] = item.children;
      setText(title, stage);
      drawStrip(strip, at, ages);
      setText(words, inWords(series, ages));
    },
  );
  $('ages-none').hidden = stages.length > 0;
  $('ages-legend').hidden = stages.length === 0;
  const from = new Date(Date.parse(at[0]) - step * 1_000).toISOString();
  const middle = new Date((Date.parse(from) + Date.parse(at.at(-1))) / 2).toISOString();
  for (const [i, iso] of [from, middle, at.at(-1)].entries()) setText($('ages-axis').children[i], iso.slice(11, 16));
  $('ages-axis').hidden = stages.length === 0;
}

const row = () =>
  element(
    'li',
    {},
    element('span', { className: 'stage' }),
    svg('svg', { class: 'strip' }),
    element('span', { className: 'said' }),
  );

function svg(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function drawStrip(strip, at, ages) {
  strip.setAttribute('viewBox', `0 0 ${ages.length} 1`);
  strip.setAttribute('preserveAspectRatio', 'none');
  strip.setAttribute('aria-hidden', 'true');
  strip.replaceChildren(
    ...ages.map((age, i) => {
      const level = levelOf(age);
      const height = level === 'unknown' ? 1 : HEIGHTS[level];
      const rect = svg('rect', { class: `level-${level}`, x: i, y: 1 - height, width: 1.02, height });
      const title = svg('title', {});
      title.textContent = `${at[i].slice(11, 16)} UTC: ${age === null ? 'not known' : age === 0 ? NAMES[0] : seconds(age)}`;
      rect.append(title);
      return rect;
    }),
  );
}

function inWords(series, ages) {
  const known = ages.filter((age) => age !== null);
  const most = Math.max(0, ...known);
  if (most === 0) return 'nothing waited';
  const now = ages.at(-1) ? seconds(ages.at(-1)) : 'nothing waited';
  return `${now} ${lately(series)}; oldest ${seconds(most)}, at ${series.at[ages.lastIndexOf(most)].slice(11, 16)} UTC`;
}

for (const [level, words] of NAMES.entries()) {
  const swatch = svg('svg', { class: 'swatch', viewBox: '0 0 1 1', 'aria-hidden': 'true' });
  swatch.append(
    svg('rect', { class: `level-${level}`, x: 0, y: 1 - HEIGHTS[level], width: 1, height: HEIGHTS[level] }),
  );
  $('ages-legend').append(element('li', {}, swatch, words));
}
$('ages-legend').append(element('li', { text: 'blank: not known' }));
