/**
 * share: asks the ledger that hosts share for the content of each file, in two statements for a batch (src/ingest/sharing/ask.ts).
 * The local ledger has it as carried by then, so twins of this host wait, and PostgreSQL is asked once.
 * Guarantees: what the answer says is recorded in the transaction that settles the job. Asking twice gives the same answer.
 * Does not: stop anything else where PostgreSQL is away. Its gate is this stage's alone.
 */
import type { Outcome, Tx } from '../../../queue/backend.js';
import { PlaceError } from '../../files/place-error.js';
import { contentOf, keyOf, type Newest } from '../../shared-ledger/statements.js';
import { forgetOutputs } from '../chains/recorded-outputs.js';
import { type Content, waitToken } from '../ledger/content.js';
import { nextOf, takeNext } from '../ledger/exceptions.js';
import { askedSince, noteRevision } from '../ledger/host.js';
import { type JobFacts, payloadOf } from '../rules/facts.js';
import { AT_ONCE_MS, TURN } from '../rules/reasons.js';
import { type Answers, ask } from '../sharing/ask.js';
import { type Batch, blocked, defer, type IngestJob, longerMs, type Stage, type Verdict } from './stage.js';

const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;
/** After this time, what another host carries is a finding. */
const LATE_MS = 600_000;

export const share: Stage = {
  name: 'share',
  places: ['ledger'],
  ofContent: true,
  reasons: {
    carried_elsewhere: {
      short: 'carried by another host',
      who: 'nobody',
      finding: {
        afterMs: LATE_MS,
        sentence: ({ which, host }) => `Host ${host} has the content of ${which} under way, and has not stored it.`,
        release: ({ host }) =>
          `look at host ${host} (queue-stat --fleet); where it is gone for ever, ingest-ctl host forget ${host}`,
      },
    },
    told_again: { short: 'waiting until everything was told again', who: 'nobody' },
    asked_again: TURN,
  },

  async run(jobs, batch, contents) {
    const since = batch.backend.read(askedSince);
    // An heir keeps what its content was asked with.
    const isToAsk = ({ state, target, asked }: Content): boolean =>
      state === 'carried' && target === null && asked < since;
    const toAsk = jobs.map((job) => contents.get(job)!).filter(isToAsk);
    if (toAsk.length === 0) return { verdicts: jobs.map(() => ADVANCE) };
    const verdictsBy = (judge: (job: IngestJob, content: Content) => Verdict): Verdict[] =>
      jobs.map((job) => (isToAsk(contents.get(job)!) ? judge(job, contents.get(job)!) : ADVANCE));
    try {
      const answers = await ask(batch.shared(), toAsk);
      if (!answers) return { verdicts: verdictsBy(() => defer(FIRST_MS, 'told_again')) };
      return {
        verdicts: verdictsBy((job, content) => judge(job, batch, content, answers)),
        also: (tx) => noteRevision(tx, answers.revision),
      };
    } catch (error) {
      if (!(error instanceof PlaceError)) throw error;
      return { verdicts: verdictsBy(() => blocked('share', batch.feed.name, error, batch.emit)) };
    }
  },
};

const ADVANCE: Verdict = { outcome: { kind: 'advance' } };

function judge(job: IngestJob, { feed }: Batch, content: Content, answers: Answers): Verdict {
  const { seq, host, ours, newest, readAtMs } = answers;
  const { carriedBy: _, ...facts } = job.facts;
  if (ours.has(keyOf(content))) {
    const outcome = (tx: Tx): Outcome => {
      tx.run('UPDATE contents SET asked = ? WHERE row = ?', seq, content.row);
      return { kind: 'advance', payload: payloadOf(facts) };
    };
    return { outcome };
  }
  const other = newest.get(contentOf(content));
  // Its row went away meanwhile; a smaller generation is no answer.
  if (!other || other.generation < content.generation || (other.state === 'carried' && other.isFree))
    return defer(0, 'asked_again', facts);
  if (other.state === 'carried' && other.host !== host)
    return defer(longerMs(job, 'carried_elsewhere', FIRST_MS, LONGEST_MS), 'carried_elsewhere', {
      ...facts,
      carriedBy: other.hostName,
    });
  return {
    outcome: (tx, claimed) => {
      const why = `host ${other.hostName} ingested its content last ${Math.round(other.ageMs / 1_000)} s ago`;
      const last = () => ({ atMs: tx.wallMs - other.ageMs, why });
      const { sameContentAgainAfterMs: againAfterMs } = feed;
      const arrival = { arrivedAtMs: claimed.createdAtMs, againAfterMs, nowMs: tx.wallMs };
      // It may come again: an operator of this host allowed it, or the feed does.
      const next = other.state === 'carried' ? other.generation : takeNext(tx, other, nextOf(tx, other, arrival, last));
      return next === undefined
        ? elsewhere(tx, facts, content.row, other, readAtMs)
        : numbered(tx, facts, content.row, next);
    },
  };
}

/** It is a duplicate. The answer serves the files of this host that had come by then: its twins ask the local ledger again. */
function elsewhere(tx: Tx, facts: JobFacts, row: number, of: Newest, readAtMs: number): Outcome {
  const place = Buffer.concat([Buffer.from(`${of.hostName}:`), of.target ?? Buffer.from('/')]);
  tx.run(
    "UPDATE contents SET state = 'elsewhere', generation = ?, source_path = ?, updated_at_ms = ? WHERE row = ?",
    ...[of.generation, place, readAtMs, row],
  );
  forgetOutputs(tx, [row]);
  tx.wake([waitToken(row)]);
  const note = of.state === 'withdrawn' ? 'withdrawn' : 'elsewhere';
  const putAway = { kind: 'duplicate' as const, of: place.toString('latin1'), note };
  return { kind: 'defer', inMs: AT_ONCE_MS, why: 'duplicate', payload: payloadOf({ ...facts, putAway }) };
}

/** The content has that generation, and is asked for by it. */
function numbered(tx: Tx, facts: JobFacts, row: number, generation: number): Outcome {
  tx.run('UPDATE contents SET generation = ? WHERE row = ?', generation, row);
  return { kind: 'defer', inMs: AT_ONCE_MS, why: 'asked_again', payload: payloadOf(facts) };
}
