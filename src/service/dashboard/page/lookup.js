/**
 * Where is my file: a search, and what is known of one file. Both have an address (`#search=WORDS`, `#file=WORD`), so that they can be
 * sent to somebody and the back button leads where one came from.
 */
import { $, element, list, setText } from './ground/dom.js';
import { fileLink } from './ground/tables.js';
import { bytes, counted, moment, name } from './ground/words.js';
import { drawMade } from './view.js';

/** The last address that was asked for: a late answer to an earlier one is not shown. */
let asked = '';

async function ask(route, query) {
  const answer = await fetch(`${route}?${new URLSearchParams(query)}`);
  const json = await answer.json();
  if (!answer.ok) throw new Error(json.sentence);
  return json;
}

async function follow() {
  const [, kind, word] = /^#(file|search)=(.+)$/.exec(location.hash) ?? [];
  asked = location.hash;
  if (kind === undefined) return clear();
  const what = decoded(word);
  try {
    if (kind === 'file') return await showFile(what);
    $('sought').value = what;
    return await search(what);
  } catch (error) {
    if (asked === location.hash) say(`No answer: ${name(error.message)}`);
    return undefined;
  }
}

function decoded(word) {
  try {
    return decodeURIComponent(word);
  } catch {
    return word;
  }
}

const say = (words) => setText($('search-said'), words);

function clear() {
  say('');
  list($('hits'), [], String);
  $('known').hidden = true;
  drawMade([]);
}

async function search(what) {
  clear();
  say('Searching…');
  const mine = asked;
  const { hits, more, stopped_after_seconds: stopped } = await ask('search', { q: what });
  if (mine !== asked) return;
  const end = stopped === null ? '' : ` The search was stopped after ${stopped} s: older files were not looked at.`;
  const found = more
    ? `The first ${counted(hits.length, 'file')}; there are more.`
    : `${counted(hits.length, 'file')}.`;
  say(
    hits.length === 0
      ? stopped === null
        ? 'No file is known by that.'
        : `Nothing was found.${end}`
      : `${found}${end}`,
  );
  drawHits(hits);
  // One file is the answer itself; of none it may be known why.
  if (hits.length === 1) await showKnown({ path: hits[0].word }, hits[0].path);
  else if (hits.length === 0 && stopped === null)
    await showKnown(isHash(what) ? { sha256: what } : { path: what }, what);
}

const isHash = (text) => /^[0-9a-f]{64}$/i.test(text);

function drawHits(hits) {
  const make = () => element('li', {}, element('a'), ' ', element('span'));
  const show = (item, { feed, path, word, state, stage, since, bytes: size }) => {
    item.children[0].href = fileLink(word);
    setText(item.children[0], name(path));
    setText(
      item.children[1],
      `${stage === null ? state : `${state} in ${stage}`} since ${moment(since)}, ${bytes(size)}, ${name(feed)}`,
    );
  };
  list($('hits'), hits, ({ word }) => word, make, show);
}

async function showFile(word) {
  say('');
  $('known').hidden = false;
  setText($('known-name'), name(word));
  setText($('answer'), 'Asking…');
  $('lookup').scrollIntoView({ block: 'start' });
  $('known-title').focus({ preventScroll: true });
  await showKnown({ path: word }, word);
}

async function showKnown(query, word) {
  const mine = asked;
  const { text, found, made } = await ask('files', query);
  if (mine !== asked) return;
  setText($('known-name'), name(found.find(({ path }) => path)?.path ?? word));
  setText($('answer'), text.split('\n').map(name).join('\n'));
  $('known').hidden = false;
  drawMade(made);
}

/** The name that was pressed gets the focus again when the back button has led to it. */
function focusCaller() {
  const [caller] = [...document.querySelectorAll('main a[href^="#file="]')].filter(({ href }) => href === left);
  caller?.focus({ preventScroll: true });
}

let left = '';

export function startLookup() {
  $('search').addEventListener('submit', (event) => {
    event.preventDefault();
    const sought = $('sought').value.trim();
    if (sought === '') return;
    const address = `#search=${encodeURIComponent(sought)}`;
    if (location.hash === address) follow();
    else location.hash = address;
  });
  $('known-close').addEventListener('click', () => {
    history.pushState(null, '', location.pathname + location.search);
    follow();
    $('sought').focus();
  });
  addEventListener('hashchange', ({ oldURL }) => {
    left = oldURL;
    follow();
    if (!location.hash.startsWith('#file=')) focusCaller();
  });
  follow();
}
