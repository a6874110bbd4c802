/** The hosts that share a ledger: asked for every few seconds, and only where there is one. */
import { $, setText } from './ground/dom.js';
import { table } from './ground/tables.js';
import { count, name, seconds } from './ground/words.js';

const EVERY_MS = 5_000;

const number = (value) => [value === null ? '–' : count(value), 'number'];

const ago = (value) => (value === null ? 'never' : value < 2 ? 'now' : `${seconds(value)} ago`);

function drawFleet({ ledger, hosts }) {
  $('fleet').hidden = false;
  setText($('fleet-ledger'), name(ledger));
  table(
    'hosts',
    hosts,
    ({ host }) => host,
    (one) => [
      [name(one.host)],
      [one.condition === 'at work' ? one.condition : `${one.condition}, last seen ${ago(one.silent_seconds)}`],
      number(one.waiting),
      number(one.held),
      [one.oldest_age_seconds ? seconds(one.oldest_age_seconds) : '–'],
      [one.files_per_second === null ? '–' : String(one.files_per_second), 'number'],
      [ago(one.figures_age_seconds)],
    ],
  );
}

/** Asks again and again. `found` is called with what is wrong between the hosts. */
export async function followFleet(found) {
  try {
    const answer = await (await fetch('fleet')).json();
    if (answer.ledger === null) return;
    drawFleet(answer);
    found(answer.findings);
  } catch {
    // The stream says that nobody answers.
  }
  setTimeout(() => void followFleet(found), EVERY_MS);
}
