/**
 * Offers what was looked at to the queue, unknown files first found by reading alone.
 * Guarantees: a known file that did not change costs no write and no wait; a known file that changed makes its job look
 * at once; a path whose job is in hand just now is answered as `busy`, to be offered again.
 */
import type { Backend, Candidate } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';
import { bytesOfName } from '../../linux/names.js';
import type { Mark } from '../../watcher/engine/index.js';
import { dueInMs } from '../rules/completion.js';
import { type Observation, payloadOf } from '../rules/facts.js';
import type { Look } from './look.js';

/** Ready, and without its sidecar: said by its stage, or never looked at and due long after it has settled. */
const WAITING = `SELECT 1 FROM all_jobs WHERE feed = ? AND key = ? AND keyed = 1
  AND state = 'ready' AND (reason = 'no_sidecar' OR (reason IS NULL AND due_ms > ?))`;

export interface Offered {
  /** Files that became jobs, or reopened one. */
  taken: number;
  busy: Look[];
}

export interface Offering {
  backend: Backend;
  feed: FeedOptions;
  /** Of this boot. */
  boot: string;
}

/** Rejects when the state cannot be read or written. */
export async function offer(looks: readonly Look[], offering: Offering): Promise<Offered> {
  const wanted = withoutKnown(looks, offering);
  const offered: Offered = { taken: 0, busy: [] };
  const answers = await offering.backend.enqueue(wanted.map(({ candidate }) => candidate));
  answers.forEach((answer, n) => {
    if (answer === 'new') offered.taken += 1;
    if (answer === 'busy') offered.busy.push(wanted[n]!.look);
  });
  return offered;
}

/**
 * In sidecar mode: without what a scan met by its own name alone, and whose job waits for a sidecar. Its sidecar is met by
 * a name of its own, and what the file has become is looked at then.
 */
export function withoutWaiting(marks: readonly Mark[], { backend, feed }: Offering): Mark[] {
  const settledMs = backend.nowMs() + feed.quietMs;
  return backend.read((rows) =>
    marks.filter(({ path, by }) => by !== 'scan' || !rows.get(WAITING, feed.name, bytesOfName(path), settledMs)),
  );
}

function withoutKnown(looks: readonly Look[], offering: Offering): { look: Look; candidate: Candidate }[] {
  const { backend, feed } = offering;
  const holders = backend.holders(
    feed.name,
    looks.map(({ path }) => bytesOfName(path)),
  );
  const wanted: { look: Look; candidate: Candidate }[] = [];
  looks.forEach((look, n) => {
    const holder = holders[n];
    // A writer that only closes its file changes nothing of it: its job would ask again in a minute at the latest.
    const closed = holder?.reason === 'writer_open' && look.by === 'write';
    // It came while its job was looking for it.
    const missed = holder?.reason === 'no_sidecar' && look.hasSidecar;
    // What was noted first, by a scan or for its sidecar's sake, would have it wait; a rename into place need not.
    const renamed = look.by === 'rename' && dueInMs(feed, look, look.hasSidecar) === 0;
    // The operator has taken the delay of a cut upload away since.
    const freed = holder?.reason === 'partial_upload' && feed.partialUploadSeconds === 0;
    if (holder?.identity === look.identity && !closed && !missed && !renamed && !freed) return;
    wanted.push({ look, candidate: candidateOf(look, offering, holder !== undefined) });
  });
  return wanted;
}

function candidateOf(look: Look, { backend, feed, boot }: Offering, nudge: boolean): Candidate {
  const seen: Observation = { identity: look.file, sinceMs: backend.nowMs(), boot, by: look.by };
  return {
    feed: feed.name,
    key: bytesOfName(look.path),
    identity: look.identity,
    bytes: look.size,
    payload: payloadOf({ seen }),
    dueInMs: dueInMs(feed, look, look.hasSidecar),
    nudge,
  };
}
