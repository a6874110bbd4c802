/**
 * An operator discards held jobs: the decision goes into each row, its content is handed on or freed, a line that it had
 * is to be taken back. A worker then moves the file to `failed/`. A withdrawal that is discarded ends: its line stays taken
 * back, and what lies at its path stays there.
 */
import type { Backend, Job, Outcome, Tx } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';
import { releaseContent } from '../../ingest/ledger/stored.js';
import { correctionLine } from '../../ingest/manifest/record.js';
import { type JobFacts, payloadOf } from '../../ingest/rules/facts.js';
import { storedInPlace } from './in-place.js';

/**
 * Answers per id whether the job was held, and is discarded now. One whose file is in the warehouse already goes on
 * instead (`onStored`): its line would be withdrawn and the file would stay, and nothing is ever taken out of a warehouse.
 */
export async function discardJobs(
  backend: Backend,
  ids: readonly string[],
  onStored: (id: string) => void = () => {},
): Promise<boolean[]> {
  const feeds = new Map(backend.feeds().map(({ name, options }) => [name, options as unknown as FeedOptions]));
  const inPlace = await storedInPlace(backend, ids);
  const held = await backend.amendHeld(ids, (tx, job) =>
    inPlace.has(job.id) ? { kind: 'advance', to: job.stage } : discardOne(tx, job, feeds.get(job.feed)),
  );
  return ids.map((id, i) => {
    if (held[i] && inPlace.has(id)) onStored(id);
    return held[i]! && !inPlace.has(id);
  });
}

function discardOne(tx: Tx, job: Job, feed: FeedOptions | undefined): Outcome {
  const facts = job.payload as unknown as JobFacts;
  if (facts.putAway?.kind === 'withdrawn') {
    const payload = payloadOf({ ...facts, putAway: { ...facts.putAway, leave: true } });
    return { kind: 'defer', inMs: 0, why: 'left', payload };
  }
  // What is stored, or a duplicate of it, only has its own files left: they go to failed/ too.
  if (facts.content !== undefined && feed) {
    const released = releaseContent(tx, job, facts.content, feed.process);
    if (released.to === undefined && released.line) {
      const line = correctionLine(released.line, feed, job.reason ?? 'discarded', tx.wallMs);
      tx.run('INSERT OR REPLACE INTO corrections (job, hour, line) VALUES (?, ?, ?)', job.id, released.line.hour, line);
    }
  }
  const payload = payloadOf({ ...facts, putAway: { kind: 'discarded' } });
  return { kind: 'defer', inMs: 0, why: 'discarded', payload };
}
