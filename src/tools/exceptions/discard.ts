/**
 * An operator discards held jobs. The decision is written into each row, the content is passed to a waiting twin or freed, and a
 * line that the job had is taken back. A worker then moves the file to `failed/`. A discarded withdrawal ends: its line stays
 * taken back, and the file at its path stays there.
 */
import type { Backend, Job, Outcome, Tx } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';
import { PUBLISH } from '../../base/config/values/stage-names.js';
import { EnvironmentError } from '../../base/errors.js';
import { canBeRenamed, sourceEntry } from '../../ingest/calls/move.js';
import { whoseFileAt } from '../../ingest/evidence/at-path.js';
import { deliveredAs } from '../../ingest/evidence/delivered.js';
import { ownName } from '../../ingest/evidence/names.js';
import { FeedFiles, isOfFiles, statEntry } from '../../ingest/files/feed-files.js';
import { recordedRoots } from '../../ingest/files/recorded-roots.js';
import { deadRoots } from '../../ingest/health/dead-roots.js';
import { contentByRow } from '../../ingest/ledger/content.js';
import { forgetPublications, giveUpPublishing, ownPublication } from '../../ingest/ledger/publications.js';
import { type Delivered, releaseContent } from '../../ingest/ledger/stored.js';
import { correctionLine } from '../../ingest/manifest/record.js';
import { factsOf, payloadOf, workKeyOf } from '../../ingest/rules/facts.js';
import { sourceOf } from '../../ingest/stages/move.js';

type Feeds = ReadonlyMap<string, FeedOptions>;

/** Why a held file is not given up, for an operator. */
export const INSTEAD: Record<Delivered | 'kept', (id: string) => string> = {
  kept: (id) => `the file of ${id} stays in the warehouse, with its line; only its publication is given up`,
  stored: (id) => `the file of ${id} is in the warehouse already, so it is recorded as stored instead`,
  unconfirmed: (id) =>
    `the file of ${id} has left the work directory, and may have been taken from the warehouse since, so it is recorded as stored (unconfirmed) instead`,
};

/**
 * Returns per id whether the job was held and its file is given up now. A job whose file was delivered goes on instead (`onDelivered`),
 * and its stage records it: a discard would take back its line and free its content, and the same bytes would be stored again.
 */
export async function discardJobs(
  backend: Backend,
  ids: readonly string[],
  onDelivered: (id: string, as: keyof typeof INSTEAD) => void = () => {},
): Promise<boolean[]> {
  const feeds = new Map(backend.feeds().map(({ name, options }) => [name, options as unknown as FeedOptions]));
  const delivered = await deliveredJobs(backend, ids, feeds);
  const held = await backend.amendHeld(ids, (tx, job) =>
    delivered.has(job.id) ? { kind: 'back', to: job.stage } : discardOne(tx, job, feeds.get(job.feed)),
  );
  return ids.map((id, i) => {
    if (!held[i]) return false;
    // A held publication is given up, and nothing else.
    const as = delivered.get(id) ?? (backend.job(id)?.ending === 'stored' ? 'kept' : undefined);
    if (as) onDelivered(id, as);
    return as === undefined;
  });
}

function discardOne(tx: Tx, job: Job, feed: FeedOptions | undefined): Outcome {
  const facts = factsOf(job);
  const own = job.stage === PUBLISH ? ownPublication(tx, facts.content ?? -1) : undefined;
  // Its files were taken out already, and its correction is on its way. Objects that cannot be deleted stay.
  if (facts.putAway?.kind === 'withdrawn' && own && (own.correction !== null || !own.part)) {
    forgetPublications(tx, [own.content]);
    return { kind: 'finish', ending: 'withdrawn' };
  }
  if (facts.putAway?.kind === 'withdrawn') {
    const payload = payloadOf({ ...facts, putAway: { ...facts.putAway, leave: true } });
    return { kind: 'defer', inMs: 0, why: 'left', payload };
  }
  // Its file is stored and stays; only its publication is given up.
  if (job.stage === PUBLISH && facts.content !== undefined && !facts.putAway) {
    giveUpPublishing(tx, facts.content);
    return { kind: 'finish', ending: 'stored' };
  }
  // A job that is stored, or a duplicate, only has files of its own left to put away. They go to failed/ as well.
  if (facts.content !== undefined && feed) {
    const released = releaseContent(tx, job, facts.content, feed);
    if (released.to === undefined && released.line) {
      const line = correctionLine(released.line, feed, job.reason ?? 'discarded', tx.wallMs);
      tx.run('INSERT OR REPLACE INTO corrections (job, hour, line) VALUES (?, ?, ?)', job.id, released.line.hour, line);
    }
  }
  const payload = payloadOf({ ...facts, putAway: { kind: 'discarded' } });
  return { kind: 'defer', inMs: 0, why: 'discarded', payload };
}

/**
 * Held jobs whose file was delivered, as their stage would decide it, so that only the settlement is missing. Such a job can be
 * finished, and no longer given up.
 * Errors: EnvironmentError if a warehouse or a work directory cannot be read.
 */
async function deliveredJobs(backend: Backend, ids: readonly string[], feeds: Feeds): Promise<Map<string, Delivered>> {
  const found = new Map<string, Delivered>();
  const opened = new Map<string, FeedFiles>();
  try {
    for (const id of ids) {
      const job = backend.job(id);
      const delivered =
        job?.state === 'held' ? await deliveredJob(backend, job, opened, feeds.get(job.feed)) : undefined;
      if (delivered) found.set(id, delivered);
    }
    return found;
  } catch (error) {
    if (!isOfFiles(error)) throw error;
    throw new EnvironmentError('root_unusable', `${error.message}, and it may have the file already; discard it then.`);
  } finally {
    for (const files of opened.values()) files.close();
  }
}

async function deliveredJob(
  backend: Backend,
  job: Job,
  opened: Map<string, FeedFiles>,
  feed: FeedOptions | undefined,
): Promise<Delivered | undefined> {
  const facts = factsOf(job);
  const content =
    facts.content === undefined ? undefined : backend.read((reader) => contentByRow(reader, facts.content!));
  // No file is moved before its line is confirmed.
  if (content?.state !== 'manifested' || content.carrier !== job.id) return undefined;
  const files =
    opened.get(job.feed) ?? new FeedFiles(recordedRoots(backend, job.feed), feed ? await deadRoots(backend, feed) : []);
  opened.set(job.feed, files);
  const name = ownName(content)!;
  const path = await whoseFileAt(backend, { feed: job.feed, files, name });
  // As `move` says it, which may have other mounts than this shell.
  const isMissing = job.holdCode === 'sealed_file_missing';
  const mayHaveLeft = job.interrupted && !isMissing && canBeRenamed(files, workKeyOf(job), name.target);
  return deliveredAs(path, mayHaveLeft && isGone(files, job));
}

/** As `move` looks for it. */
const isGone = (files: FeedFiles, job: Job): boolean =>
  statEntry(sourceEntry(files, sourceOf({ ...workKeyOf(job), facts: factsOf(job) }))) === undefined;
