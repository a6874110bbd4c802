/**
 * Gives the jobs of dead owners back. An owner is dead if its lock is free, and for no other reason.
 * Guarantees: the jobs are due at once, with unchanged attempts and identity, and are marked `interrupted`. Only jobs that were in progress count a
 * crash, and are held as `poison` at the limit; the exception is an owner that hung in a place and was killed for it.
 * Nothing is written while every owner lives.
 */
import type { OnStuck, OwnerId, Reader, Rescue, StageName, StuckWork } from '../backend.js';

import { limits } from '../limits.js';
import type { Owners } from '../owners.js';
import { jobsOfSlot } from '../slot-text.js';
import { assertTransition } from '../states.js';
import { addToTrail, trailText } from '../trail.js';
import type { SqliteTx } from './tx.js';

export const POISON = 'poison';

/** The feed and stage under which dead owners are counted; owners belong to no feed and no stage. */
const ALL_FEEDS = '*';
const OWNERS = 'owners';

const FREE = `UPDATE jobs SET was = state, state = ?, owner = NULL, interrupted = 1, due_ms = ?, updated_ms = ? WHERE state = 'claimed' AND owner = ?`;
const CRASHED = 'UPDATE jobs SET crashes = ?, trail = ? WHERE id = ?';
const POISONED = `UPDATE jobs SET was = state, state = ?, owner = NULL, interrupted = 1, crashes = ?, trail = ?, hold_code = '${POISON}', error_code = NULL, reason = ?, updated_ms = ? WHERE id = ?`;

export interface Dead {
  owner: OwnerId;
  /**
   * The jobs in progress of its threads, except threads that hung in a place. Empty if another owner uses the slot by
   * now.
   */
  inProgress: readonly string[];
  /** True: its parent killed it because its heartbeat had stopped. */
  stalled: boolean;
  /** The place in which it hung then; '' if it had reported none. */
  stuckIn: string;
}

/** Asks the kernel about every owner in the database. */
export function findDead(rows: Reader, owners: Owners): Dead[] {
  const known = rows.all<{ id: OwnerId }>('SELECT id FROM owners');
  return known.filter(({ id }) => !owners.isAlive(id)).map(({ id }) => deadOf(owners, id));
}

function deadOf(owners: Owners, owner: OwnerId): Dead {
  const slot = owners.slot(owner);
  if (slot?.owner !== owner) return { owner, inProgress: [], stalled: false, stuckIn: '' };
  const stalled = slot.stalled === true;
  const blamed = jobsOfSlot({ ...slot, threads: slot.threads.filter(({ hangs }) => hangs !== 'place') });
  return { owner, inProgress: blamed, stalled, stuckIn: stalled ? slot.place : '' };
}

/** Returns undefined if another process was quicker, or the loss is nobody's. */
export function rescueOne(
  tx: SqliteTx,
  { owner, inProgress, stalled, stuckIn }: Dead,
  isMissed: (title: string) => boolean,
  onStuck?: OnStuck,
): Rescue | undefined {
  const gone = tx.get<{ title: string }>('DELETE FROM owners WHERE id = ? RETURNING title', owner);
  if (gone === undefined) return undefined;
  tx.run('UPDATE gates SET prober = NULL, probe_due_ms = ? WHERE prober = ?', tx.nowMs, owner);
  if (!isMissed(gone.title)) {
    freeClaims(tx, owner);
    return undefined;
  }
  tx.count(ALL_FEEDS, OWNERS, stalled ? 'stalled' : 'lost', 1, 0);
  if (stuckIn !== '') {
    onStuck?.(tx, workOf(tx, owner, inProgress), stuckIn);
    return { owner, jobs: freeClaims(tx, owner), inProgress, poisoned: [], stuckIn };
  }
  const counted = inProgress.map((id) => ({ id, ...crash(tx, owner, id) }));
  const poisoned = counted.filter((one) => one.poisoned).map(({ id }) => id);
  const blamed = counted.filter((one) => one.poisoned !== undefined).map(({ id }) => id);
  return { owner, jobs: freeClaims(tx, owner) + poisoned.length, inProgress: blamed, poisoned };
}

function workOf(tx: SqliteTx, owner: OwnerId, inProgress: readonly string[]): StuckWork[] {
  return tx
    .all<{ feed: string; stage: StageName; inProgress: number | null }>(
      `SELECT feed, stage, max(id IN (SELECT value FROM json_each(?))) AS inProgress FROM jobs WHERE state = 'claimed' AND owner = ?
       GROUP BY feed, stage`,
      JSON.stringify(inProgress),
      owner,
    )
    .map((work) => ({ ...work, inProgress: work.inProgress === 1 }));
}

/** Makes all claims of `owner` ready and due. A closing owner also gives its unsettled jobs back this way. */
export function freeClaims(tx: SqliteTx, owner: OwnerId): number {
  const { changes } = tx.run(FREE, assertTransition('rescue', 'claimed'), tx.nowMs, tx.wallMs, owner);
  if (changes > 0) tx.madeReady = true;
  return changes;
}

function crash(tx: SqliteTx, owner: OwnerId, id: string): { poisoned: boolean } | undefined {
  const job = tx.job(id);
  if (job?.state !== 'claimed' || job.owner !== owner) return undefined;
  const crashes = job.crashes + 1;
  const poisoned = crashes >= limits.crashesMax;
  const reason = `its process died ${crashes} times while it worked on this job`;
  const trail = trailText(
    addToTrail(
      job.trail,
      job.stage,
      poisoned ? 'hold' : 'rescue',
      poisoned ? `${POISON}: ${reason}` : 'its process died',
      tx.wallMs,
    ),
  );
  if (poisoned) {
    tx.run(POISONED, assertTransition('hold', job.state), crashes, trail, reason, tx.wallMs, id);
    tx.count(job.feed, job.stage, 'hold', 1, job.bytes);
  } else {
    tx.run(CRASHED, crashes, trail, id);
  }
  return { poisoned };
}
