/** The findings, and their number in the title and the icon of the page for a person who works in another tab. */

import { isLost } from './connection.js';
import { button, buttons, change, onlyThat } from './ground/acts.js';
import { $, element, list, ofFeed, setText, setTexts } from './ground/dom.js';
import { Kept, showGone } from './ground/kept.js';
import { between, counted, moment, name } from './ground/words.js';

const TITLE = 'Atomic Ingestor';
/** So many of the worst; the rest when somebody asks. */
const FIRST = 5;
let stuckEverywhere = 0;
let isWhole = false;
let again = () => {};
const kept = new Kept();

/** `snapshot.findings` of the chosen feed. */
export function drawFindings(snapshot, feed) {
  again = () => drawFindings(snapshot, feed);
  const found = snapshot.findings.filter(ofFeed(feed));
  const stuck = found.filter(({ severity }) => severity === 'stuck').length;
  stuckEverywhere = snapshot.findings.filter(({ severity }) => severity === 'stuck').length;
  drawTitle();
  const notices = found.length - stuck;
  const words = [
    ...(stuck > 0 ? [`${stuck} ${stuck === 1 ? 'thing keeps' : 'things keep'} files from going on`] : []),
    ...(notices > 0 ? [`${notices} worth knowing`] : []),
  ];
  const waiting = waitingForSomebody(snapshot.waits.filter(ofFeed(feed)));
  setText(
    $('wrong-summary'),
    words.length > 0 ? `${words.join(', ')}.` : waiting === 0 ? 'Nothing is wrong.' : waitingWords(waiting),
  );
  $('wrong-summary').className = stuck > 0 ? 'stuck' : notices > 0 ? 'notice' : waiting === 0 ? 'good' : '';
  showMore(found.length);
  const rows = kept.merge(isWhole ? found : found.slice(0, FIRST), keyOf);
  $('wrong-section').classList.toggle('empty', rows.length === 0);
  list(
    $('findings'),
    rows,
    ({ key }) => key,
    ({ item }) => make(item),
    (row, { item, isGone }) => {
      show(row, item, snapshot);
      showGone(row, isGone);
    },
  );
}

function showMore(all) {
  $('findings-all').hidden = all <= FIRST;
  $('findings-all').setAttribute('aria-expanded', String(isWhole));
  setText($('findings-all'), isWhole ? `Show the worst ${FIRST}` : `Show all ${all}`);
}

$('findings-all').addEventListener('click', () => {
  isWhole = !isWhole;
  again();
});

/** A file whose uploader has to act may wait for ever, although nothing is wrong here. */
const waitingForSomebody = (waits) =>
  waits.filter(({ who }) => who !== 'nobody').reduce((sum, { files }) => sum + files, 0);

const waitingWords = (files) => `${counted(files, 'file')} ${files === 1 ? 'waits' : 'wait'} until somebody acts.`;

const keyOf = ({ code, feed: of, stage, what = '', sentence }) =>
  [code, of, stage, what, code.startsWith('process') ? sentence.replace(/\d+ s\b/, '') : ''].join('\0');

function make(finding) {
  const parts = [element('strong'), ' ', element('span'), ' ', element('span', { className: 'release' })];
  return element('li', {}, ...parts, ...actsOf(finding));
}

/** The buttons that help with a finding. */
function actsOf(finding) {
  const { code, feed, stage } = finding;
  if (code !== 'paused') return [];
  const text = `Resume ${stage === '*' ? 'all stages' : stage}${feed === '*' ? '' : ` of ${name(feed)}`}`;
  const press = (pressed) => {
    kept.keep(keyOf(finding), finding);
    return change(pressed, 'resume', 'Resuming', onlyThat(finding));
  };
  return [buttons(button(text, press))];
}

function show(item, { severity, sentence, release, since }, snapshot) {
  item.className = severity;
  const when = since === null ? '' : ` Since ${moment(since)} (${between(since, snapshot.at)}).`;
  // Some sentences say already what to do.
  const what = release === '' || sentence.includes('ingest-ctl') ? '' : `What to do: ${release}.`.replace('..', '.');
  setTexts([...item.children].slice(0, 3), [
    severity === 'stuck' ? 'Stuck:' : 'Notice:',
    name(sentence),
    name(`${what}${when}`),
  ]);
}

function drawTitle() {
  const count = isLost() ? '?' : stuckEverywhere === 0 ? '' : String(stuckEverywhere);
  const title = isLost() ? `(disconnected) ${TITLE}` : count === '' ? TITLE : `(${count}) ${TITLE}`;
  if (document.title === title) return;
  document.title = title;
  $('icon').href = count === '' ? 'assets/icon.svg' : badge(count.length > 1 ? '9+' : count, isLost());
}

/** The icon with a badge. Its text is a digit of ours, so nothing from outside gets into the markup. */
function badge(text, isGrey) {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="6" fill="${isGrey ? '#666' : '#1b4f8a'}"/><path d="M16 6v12m-5-5 5 5 5-5M7 22h18v4H7z" fill="none" stroke="#fff" stroke-width="3"/><circle cx="22" cy="10" r="10" fill="${isGrey ? '#222' : '#c4160f'}"/><text x="22" y="15" font-family="sans-serif" font-size="${text.length > 1 ? 12 : 15}" font-weight="bold" text-anchor="middle" fill="#fff">${text}</text></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

addEventListener('connection', drawTitle);
