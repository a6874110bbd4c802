/**
 * The page: hears the stream, hands each look to view.js, sends what an operator asks for.
 * When the stream breaks, the browser connects again by itself; until then the figures are shown as old.
 */
import { $, element, setText } from './dom.js';
import { drawNow } from './figures/now.js';
import { followSeries } from './figures/series.js';
import { followFleet } from './fleet.js';
import { drawFlow } from './flow.js';
import { drawFindings, drawHeld, drawMade, drawTables } from './view.js';
import { count, name } from './words.js';

let look;
let feed = '*';
/** Pages of held files that were asked for; undefined: those of the look. */
let asked;
let lostAt;
/** Findings of the hosts that share a ledger. */
let betweenHosts = [];

async function change(verb, body, about) {
  setText($('act-result'), `${about}…`);
  try {
    const answer = await fetch(verb, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-ingest-action': '1' },
      body: JSON.stringify(body),
    });
    const { sentence } = await answer.json();
    setText($('act-result'), name(sentence));
    if (asked !== undefined) await loadHeld();
  } catch (error) {
    setText($('act-result'), `${about}: no answer (${error.message}).`);
  }
}

function sure(words) {
  setText($('sure-words'), words);
  $('sure').returnValue = 'no';
  $('sure').showModal();
  return new Promise((resolve) => {
    $('sure').addEventListener('close', () => resolve($('sure').returnValue === 'yes'), { once: true });
  });
}

const GIVEN_UP = 'It goes into failed/ of the work directory and is never ingested.';

const ofFeed = () => (feed === '*' ? {} : { feed });

async function actOnJob(verb, job) {
  if (verb === 'discard' && !(await sure(`${name(job.path)}: ${GIVEN_UP}`))) return;
  await change(verb, { jobs: [job.id] }, `${verb} ${name(job.path)}`);
}

async function actOnAll(verb) {
  const code = $('held-code').value;
  const files = heldFiles(code);
  const which = `${count(files)} ${files === 1 ? 'file' : 'files'}${code === '' ? '' : ` held for ${code}`}`;
  if (
    verb === 'discard' &&
    !(await sure(`${which}: ${GIVEN_UP.replace('It goes', 'They go').replace('is never', 'are never')}`))
  )
    return;
  await change(verb, { all: true, ...(code !== '' && { code }), ...ofFeed() }, `${verb} ${which}`);
}

const heldFiles = (code) =>
  look.held_by_code
    .filter((one) => (feed === '*' || one.feed === feed) && (code === '' || one.code === code))
    .reduce((sum, one) => sum + one.files, 0);

/** The pages that were asked for, or the first of another choice. */
async function loadHeld({ more = false } = {}) {
  const code = $('held-code').value;
  const query = new URLSearchParams({ ...(code !== '' && { code }), ...ofFeed() });
  if (more && asked?.next) query.set('after', asked.next);
  const answer = await fetch(`errors?${query}`);
  if (!answer.ok) return;
  const { held, next } = await answer.json();
  asked = { jobs: more ? [...(asked?.jobs ?? []), ...held] : held, next };
  draw();
}

function drawCodes() {
  const codes = [...new Set(look.held_by_code.map(({ code }) => code))].sort();
  const select = $('held-code');
  const known = [...select.options].map(({ value }) => value);
  if (known.slice(1).join() === codes.join()) return;
  const chosen = select.value;
  select.replaceChildren(element('option', { value: '', text: 'every reason' }));
  for (const code of codes) select.append(element('option', { value: code, text: code }));
  select.value = codes.includes(chosen) ? chosen : '';
}

function drawFeedChoice() {
  const names = look.feeds.map((one) => one.name);
  const known = [...$('feed').options].map(({ value }) => value);
  if (known.slice(1).join('\0') === names.join('\0')) return;
  for (const option of [...$('feed').options].slice(1)) option.remove();
  for (const one of names) $('feed').append(element('option', { value: one, text: name(one) }));
  $('feed').value = feed = names.includes(feed) ? feed : '*';
}

function draw() {
  document.body.dataset.at = look.at;
  setText($('state-path'), name(look.state_path));
  drawFeedChoice();
  drawCodes();
  drawFindings({ ...look, findings: [...look.findings, ...betweenHosts] }, feed);
  drawFlow(look, feed, change);
  drawTables(look, feed);
  drawNow(look, feed);
  followSeries(feed);
  const jobs = asked?.jobs ?? look.held;
  drawHeld(jobs, look, feed, actOnJob);
  $('held-more').hidden = asked === undefined ? heldFiles('') <= jobs.length : asked.next === null;
  $('main').setAttribute('aria-busy', 'false');
}

function connected(isConnected) {
  if (isConnected) {
    lostAt = undefined;
    setText($('connection'), 'Live');
  } else {
    lostAt ??= new Date().toISOString().slice(11, 19);
    setText($('connection'), `No connection since ${lostAt} UTC; trying again. What is shown is old.`);
  }
  document.body.classList.toggle('lost', !isConnected);
}

function listen() {
  const stream = new EventSource('events');
  stream.onmessage = ({ data }) => {
    look = JSON.parse(data);
    connected(true);
    draw();
  };
  stream.onerror = () => {
    connected(false);
    // An answer that is no stream (too many pages, a token) ends it for good: then we try ourselves.
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 5_000);
  };
}

async function search(event) {
  event.preventDefault();
  const sought = $('sought').value.trim();
  if (sought === '') return;
  const query = new URLSearchParams(/^[0-9a-fA-F]{64}$/.test(sought) ? { sha256: sought } : { path: sought });
  $('answer').hidden = false;
  setText($('answer'), 'Searching…');
  drawMade([]);
  try {
    const answer = await fetch(`files?${query}`);
    const { text, sentence, made = [] } = await answer.json();
    setText($('answer'), (text ?? sentence).split('\n').map(name).join('\n'));
    drawMade(made);
  } catch (error) {
    setText($('answer'), `No answer (${error.message}).`);
  }
}

$('search').addEventListener('submit', search);
$('feed').addEventListener('change', () => {
  feed = $('feed').value;
  if (feed === '*' && $('held-code').value === '') asked = undefined;
  else loadHeld().catch(() => {});
  if (look) draw();
});
$('held-code').addEventListener('change', () => loadHeld().catch(() => {}));
$('held-more').addEventListener('click', () => {
  asked ??= { jobs: look.held, next: look.held.at(-1)?.id ?? null };
  loadHeld({ more: true }).catch(() => {});
});
$('retry-all').addEventListener('click', () => actOnAll('retry'));
$('discard-all').addEventListener('click', () => actOnAll('discard'));
listen();
followFleet((findings) => {
  betweenHosts = findings;
  if (look) draw();
}).catch(() => {});
