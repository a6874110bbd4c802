/**
 * The stream of snapshots. While there is none, the page says so in a banner, its figures are grey and its buttons are off; it tries
 * again by itself, and all comes back with the first snapshot.
 */
import { $, setText } from './ground/dom.js';
import { name, seconds } from './ground/words.js';

/** The server sends a snapshot each second; a stream that is silent for longer is broken, although nothing has closed it. */
const SILENCE_MS = 8_000;
const AGAIN_MS = 2_000;

let stream;
let lostAt;
let heardMs = Date.now();
let lastAt;
/** The element with the focus when the buttons went off. */
let focused;

/** `show(snapshot, isFirst)` is called with each snapshot; `isFirst` after a connection was made. */
export function follow(show) {
  const listen = () => {
    heardMs = Date.now();
    stream = new EventSource('events');
    stream.onmessage = ({ data }) => {
      const isFirst = lastAt === undefined || lostAt !== undefined;
      const snapshot = JSON.parse(data);
      heardMs = Date.now();
      lastAt = snapshot.at;
      found();
      show(snapshot, isFirst);
    };
    stream.onerror = () => {
      stream.close();
      lose().catch(() => {});
      setTimeout(listen, AGAIN_MS);
    };
  };
  listen();
  setInterval(() => {
    if (stream.readyState !== EventSource.CLOSED && Date.now() - heardMs > SILENCE_MS) stream.onerror();
    if (lostAt !== undefined) setText($('lost-for'), ` (${seconds((Date.now() - lostAt) / 1_000)})`);
  }, 1_000);
}

const clock = (ms) => `${new Date(ms).toISOString().slice(11, 19)} UTC`;

async function lose() {
  if (lostAt === undefined) {
    lostAt = Date.now();
    focused = document.activeElement;
    if ($('sure').open) $('sure').close();
    document.body.classList.add('lost');
    $('live').disabled = true;
    setText($('connection'), 'Disconnected');
    setText($('lost-since'), `Disconnected since ${clock(lostAt)}`);
    const old =
      lastAt === undefined ? 'No figures have come yet.' : `The figures are old (${clock(Date.parse(lastAt))}).`;
    setText(
      $('lost-old'),
      `${old} Buttons are off. All goes on when the service answers; if it stays away, look whether it runs.`,
    );
    $('lost').hidden = false;
    dispatchEvent(new Event('connection'));
  }
  setText($('lost-why'), await why());
}

/** The current attempt and the reason why it fails, as far as a page can know. */
async function why() {
  const tries = `the page tries again every ${AGAIN_MS / 1_000} s`;
  try {
    const answer = await fetch('readyz', { signal: AbortSignal.timeout(SILENCE_MS) });
    const said = await answer.json();
    if (!answer.ok) return `${location.host} says: ${name(said.sentence)} Meanwhile ${tries}.`;
    return `${location.host} answers, but sends no figures; ${tries}.`;
  } catch {
    return `${location.host} does not answer; ${tries}.`;
  }
}

function found() {
  setText($('connection'), 'Live');
  if (lostAt === undefined) return;
  lostAt = undefined;
  document.body.classList.remove('lost');
  $('live').disabled = false;
  $('lost').hidden = true;
  // A control that went off has lost the focus.
  if (document.activeElement === document.body && focused?.isConnected) focused.focus({ preventScroll: true });
  dispatchEvent(new Event('connection'));
}

export const isLost = () => lostAt !== undefined;
