/** One page of held files, with checkboxes: one of them, or all that are selected, can be retried or discarded. */
import { button, buttons, change, sureToDiscard } from '../ground/acts.js';
import { $, element, list, setText } from '../ground/dom.js';
import { Kept, showGone } from '../ground/kept.js';
import { fileLink, pathOf } from '../ground/tables.js';
import { between, count, counted, moment, name } from '../ground/words.js';

/** Jobs that one request may name (docs/http-api.md). */
const NAMED_MAX = 1_000;
const kept = new Kept();
/** The feeds of jobs by their ids; also those of other pages. */
const selected = new Map();
let shown = [];
let changed = () => {};

/** `reload` is called after a change. */
export function startFiles(reload) {
  changed = reload;
  $('select-all').addEventListener('change', () => {
    for (const job of shown) selectOne(job, $('select-all').checked);
    drawSelection();
  });
  for (const verb of ['retry', 'discard'])
    $(`${verb}-selected`).addEventListener('click', ({ currentTarget }) => actOnSelected(currentTarget, verb));
  $('select-none').addEventListener('click', () => {
    selected.clear();
    draw.again?.();
    $('select-all').focus();
  });
}

/** After another page or filter was chosen. */
export function forgetFiles({ selection = false } = {}) {
  kept.forget();
  if (selection) selected.clear();
}

/** Returns whether there is anything to see. */
export function drawFiles(jobs, snapshot) {
  draw.again = () => draw(jobs, snapshot);
  return draw(jobs, snapshot);
}

function draw(jobs, snapshot) {
  shown = jobs;
  const rows = kept.merge(jobs, ({ id }) => id);
  const isSaid = saidIn(snapshot);
  list(
    $('held').tBodies[0],
    rows,
    ({ key }) => key,
    ({ item }) => makeRow(item),
    (row, { item, isGone }) => {
      showRow(row, item, snapshot, isSaid(item));
      showGone(row, isGone);
    },
  );
  drawSelection();
  return rows.length > 0;
}

/** Whether a reason stands in what is wrong, or in a row above: then it is not written once more. */
function saidIn({ findings }) {
  const sentences = findings.map(({ sentence }) => sentence);
  const above = new Set();
  return ({ reason }) => {
    const isSaid = above.has(reason) || sentences.some((one) => one.includes(reason));
    above.add(reason);
    return isSaid;
  };
}

function makeRow(job) {
  const box = element('input', { type: 'checkbox' });
  box.addEventListener('change', () => {
    selectOne(job, box.checked);
    drawSelection();
  });
  const verb = (word, text, danger) => {
    const label = `${word} ${name(job.path)}`;
    const made = button(text, (pressed) => actOnJob(pressed, word, job), { danger, label });
    made.dataset.verb = word;
    return made;
  };
  const cell = (className, ...children) => element('td', { className }, ...children);
  return element(
    'tr',
    {},
    cell('select', box),
    cell('path', element('a', { href: fileLink(job.id) })),
    cell('why', element('span', { className: 'code' }), ' ', element('span')),
    cell('since'),
    cell('', buttons(verb('retry', 'Retry', false), verb('discard', 'Discard…', true))),
  );
}

function showRow(row, job, snapshot, said) {
  const [select, file, why, since] = row.cells;
  const path = pathOf(job, snapshot);
  select.firstElementChild.checked = selected.has(job.id);
  select.firstElementChild.setAttribute('aria-label', `select ${path}`);
  setText(file.firstElementChild, path);
  setText(why.children[0], `${job.code} in ${job.stage}:`);
  setText(why.children[1], said ? 'see above' : name(job.reason));
  why.title = name(job.reason);
  setText(since, between(job.since, snapshot.at));
  since.title = `Since ${moment(job.since)}`;
}

function selectOne({ id, feed }, isSelected) {
  if (isSelected) selected.set(id, feed);
  else selected.delete(id);
  for (const row of $('held').tBodies[0].rows)
    if (row.dataset.key === id) row.cells[0].firstElementChild.checked = isSelected;
}

function drawSelection() {
  const here = shown.filter(({ id }) => selected.has(id)).length;
  $('select-all').checked = shown.length > 0 && here === shown.length;
  $('select-all').disabled = shown.length === 0;
  $('select-all').indeterminate = here > 0 && here < shown.length;
  const elsewhere = selected.size - here;
  const words = `${counted(selected.size, 'file')} selected${elsewhere > 0 ? `, ${count(elsewhere)} of them on other pages` : ''}`;
  setText($('selection-count'), selected.size === 0 ? '' : words);
  for (const one of $('selection').querySelectorAll('button')) one.hidden = selected.size === 0;
}

function feedsSelected() {
  const feeds = [...new Set(selected.values())];
  return feeds.length === 1 ? `feed ${name(feeds[0])}` : `the feeds ${feeds.map(name).join(', ')}`;
}

async function actOnJob(pressed, verb, job) {
  if (verb === 'discard' && !(await sureToDiscard(`${name(job.path)} of feed ${name(job.feed)}`))) return;
  kept.keep(job.id, job);
  const { ok } = await change(pressed, verb, verb === 'retry' ? 'Retrying' : 'Discarding', { jobs: [job.id] });
  if (ok) selected.delete(job.id);
  changed();
}

async function actOnSelected(pressed, verb) {
  const ids = [...selected.keys()];
  const which = counted(ids.length, 'file');
  if (verb === 'discard' && !(await sureToDiscard(`${which} of ${feedsSelected()}`))) return;
  const bodies = [];
  for (let at = 0; at < ids.length; at += NAMED_MAX) bodies.push({ jobs: ids.slice(at, at + NAMED_MAX) });
  const { ok } = await change(pressed, verb, `${verb === 'retry' ? 'Retrying' : 'Discarding'} ${which}`, ...bodies);
  if (!ok) return;
  selected.clear();
  drawSelection();
  $('select-all').focus();
  changed();
}
