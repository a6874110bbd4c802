/** The hosts that share a ledger: asked for every few seconds, and only where there is one. */
import { $, setText } from './ground/dom.js';
import { table } from './ground/tables.js';
import { count, name, seconds } from './ground/words.js';

const EVERY_MS = 5_000;
let askedMs = Number.NEGATIVE_INFINITY;

const number = (value) => [value === null ? '–' : count(value), 'number'];

const ago = (value) => (value < 2 ? 'now' : `${seconds(value)} ago`);

function draw({ ledger, hosts, findings }) {
  $('hosts-section').hidden = false;
  setText($('hosts-ledger'), name(ledger));
  setText($('hosts-wrong'), findings.map(({ sentence, release }) => `${sentence} ${release}.`).join(' '));
  table(
    'hosts',
    hosts,
    ({ host }) => host,
    (one) => [
      [name(one.host)],
      [one.condition],
      [ago(one.silent_seconds)],
      number(one.waiting),
      number(one.held),
      [one.oldest_age_seconds ? seconds(one.oldest_age_seconds) : '–', 'number'],
      number(one.untold),
      number(one.conflicts),
    ],
  );
}

/** Called with each snapshot. The stage exists where a feed shares its ledger. */
export async function followHosts({ stages }) {
  const isShared = stages.some(({ stage }) => stage === 'share');
  if (!isShared) $('hosts-section').hidden = true;
  if (!isShared || performance.now() - askedMs < EVERY_MS) return;
  askedMs = performance.now();
  try {
    const answer = await (await fetch('hosts')).json();
    if (answer.ledger) draw(answer);
  } catch {
    // The stream says that nobody answers.
  }
}
