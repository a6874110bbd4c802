/**
 * The held files: groups by reason and folder, and below them one page of files, of the chosen group.
 * Guarantees: each request is bounded, whatever is held; groups and files are asked for again when the held figures have changed, and now
 * and then: one file may take the place of another.
 */
import { $, setText, showEmpty } from '../ground/dom.js';
import { count, counted, name } from '../ground/words.js';
import { drawFiles, forgetFiles, startFiles } from './files.js';
import { drawGroups, filterOf, keyOf, whyText } from './groups.js';

const PAGE = 25;
const FOLDERS = 20;
const FOLDERS_MAX = 500;
/** While files are held one after the other, groups are counted again at most so often. */
const EVERY_MS = 2_000;
const AGAIN_MS = 30_000;
const TYPING_MS = 300;

let snapshot;
let feed = '*';
/** The chosen group: {feed, code, folder}. */
let chosen;
/** The `after` of the page that is shown, after those of the pages before it. */
let pages = [undefined];
/** Reasons whose folders are shown, and how many. */
const open = new Map();
let groups = { files: 0, items: [] };
/** One page, with what was asked for: another choice may be made before the next one is loaded. */
let files = { jobs: [], next: null, found: 0, pages, which: '' };
/** The held figures and the choice that were loaded last. */
let loaded = '';
let loadedMs = 0;
let loading = false;
/** Another choice was made while the last one was loaded. */
let isStale = false;
/** A state with one reason shows its folders from the start. */
let isNew = true;

const nameFilter = () => $('held-name').value.trim();
const ofFeed = () => (feed === '*' ? {} : { feed });
const ofName = (part) => (part === '' ? {} : { name: part });
const figures = () => JSON.stringify([snapshot.held_by_code, feed, chosen, pages, nameFilter(), [...open]]);

async function ask(route, query) {
  const answer = await fetch(`${route}?${new URLSearchParams(query)}`);
  if (!answer.ok) throw new Error((await answer.json()).sentence);
  return answer.json();
}

async function load() {
  isStale = loading;
  if (loading) return;
  loading = true;
  const wanted = figures();
  try {
    groups = await askGroups();
    files = await askFiles();
    setText($('held-trouble'), '');
    loaded = wanted;
    draw();
  } catch (error) {
    setText($('held-trouble'), `The held files cannot be listed: ${name(error.message)}`);
  } finally {
    loadedMs = Date.now();
    loading = false;
  }
  if (isStale || isBeyondEnd()) await load();
}

async function askGroups() {
  const part = nameFilter();
  const answer = await ask('held', { ...ofFeed(), ...ofName(part), limit: 1 });
  const items = [];
  if (isNew && answer.reasons.length === 1 && answer.reasons[0].folders > 1)
    open.set(keyOf(answer.reasons[0]), FOLDERS);
  isNew &&= answer.reasons.length === 0;
  for (const reason of answer.reasons) {
    items.push({ ...reason, part });
    if (open.has(keyOf(reason))) items.push(...(await askFolders({ ...reason, part })));
  }
  return { files: answer.files, items };
}

async function askFolders(reason) {
  const limit = open.get(keyOf(reason));
  const { folders, folders_found: found } = await ask('held', { ...filterOf(reason), limit });
  const rest = found - folders.length;
  const { feed: of, code, part } = reason;
  const items = folders.map((one) => ({ ...one, part }));
  return rest === 0 ? items : [...items, { feed: of, code, folder: '\0', rest, canGrow: limit < FOLDERS_MAX }];
}

async function askFiles() {
  const part = nameFilter();
  const query = chosen ? filterOf({ ...chosen, part }) : { ...ofFeed(), ...ofName(part) };
  const asked = { pages, which: whyText({ ...chosen, part }) };
  const after = pages.at(-1);
  const { held, next } = await ask('errors', { ...query, limit: PAGE, ...(after !== undefined && { after }) });
  const found = query.code === undefined ? groups.files : (await ask('held', { ...query, limit: 1 })).files;
  return { jobs: held, next, found, ...asked };
}

/** The last files of the last page are gone: the page before it is the last one now. */
function isBeyondEnd() {
  if (files.jobs.length > 0 || pages.length === 1) return false;
  pages = pages.slice(0, -1);
  return true;
}

function draw() {
  const total = snapshot.stages
    .filter((one) => feed === '*' || one.feed === feed)
    .reduce((sum, { held }) => sum + held, 0);
  setText($('held-count'), total === 0 ? '' : `(${count(total)})`);
  const seen = drawGroups(groups.items, {
    now: snapshot.at,
    many: snapshot.feeds.length > 1,
    isOpen: (item) => open.has(keyOf(item)),
    isChosen: (item) => chosen !== undefined && keyOf(item) === keyOf(chosen),
    changed: () => load().catch(() => {}),
    toggle,
    choose,
    more,
  });
  const some = drawFiles(files.jobs, snapshot) || seen;
  showEmpty('held-groups', !some && total === 0 && nameFilter() === '');
  $('held-some').hidden = $('held-groups-none').hidden === false;
  // One file needs no groups and no filter.
  const isOne = groups.files === 1 && groups.items.length === 1 && nameFilter() === '' && total === 1;
  $('held-groups').closest('.scroll').hidden ||= isOne;
  $('held-filter').hidden = isOne;
  drawPager();
}

function drawPager() {
  const { jobs, next, found, which } = files;
  const first = (files.pages.length - 1) * PAGE;
  const range = found > PAGE ? `, ${count(first + 1)} to ${count(first + jobs.length)}` : '';
  setText($('held-range'), `${counted(found, 'file')}${which}${jobs.length === 0 ? '' : range}`);
  $('held-all').hidden = chosen === undefined;
  $('held-before').hidden = files.pages.length === 1;
  $('held-next').hidden = next === null;
}

/** Another choice: what was pressed before is over. */
function again({ selection = false } = {}) {
  forgetFiles({ selection });
  loaded = '';
  load().catch(() => {});
}

function toggle(item) {
  if (!open.delete(keyOf(item))) open.set(keyOf(item), FOLDERS);
  again();
}

function more(item) {
  const key = keyOf({ feed: item.feed, code: item.code });
  open.set(key, Math.min(FOLDERS_MAX, open.get(key) * 5));
  again();
}

function choose(item) {
  const isSame = item === undefined || (chosen !== undefined && keyOf(item) === keyOf(chosen));
  chosen = isSame ? undefined : { feed: item.feed, code: item.code, folder: item.folder };
  pages = [undefined];
  again({ selection: true });
}

/** Called with each snapshot. */
export function drawHeld(newest, ofWhich) {
  const isOther = feed !== ofWhich;
  [snapshot, feed] = [newest, ofWhich];
  if (isOther) {
    chosen = undefined;
    pages = [undefined];
    forgetFiles({ selection: true });
  }
  draw();
  const ageMs = Date.now() - loadedMs;
  const isOld = ageMs > AGAIN_MS && snapshot.held_by_code.length > 0 && !document.hidden;
  if (isOld || (figures() !== loaded && (isOther || ageMs > EVERY_MS))) load().catch(() => {});
}

export function startHeld() {
  startFiles(() => load().catch(() => {}));
  let typing;
  $('held-name').addEventListener('input', () => {
    clearTimeout(typing);
    typing = setTimeout(() => {
      pages = [undefined];
      again({ selection: true });
    }, TYPING_MS);
  });
  $('held-all').addEventListener('click', () => {
    choose();
    $('held-title').focus();
  });
  $('held-next').addEventListener('click', () => {
    pages = [...files.pages, files.next];
    again();
  });
  $('held-before').addEventListener('click', () => {
    pages = files.pages.slice(0, -1);
    again();
  });
}
