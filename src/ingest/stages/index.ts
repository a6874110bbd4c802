/**
 * The stages. An ordinary small file takes these steps, in a worker of all stages:
 *
 *   claim        verify-complete gets up to a thousand jobs of one feed
 *   seal         calls/seal.ts: stat, completion rule, open, lease, rename into underprocess/, lease, stat, read, lease, stat
 *   sync         the directories (durably), then the bytes (hash-sync.ts)
 *   free name    calls/move.ts: is the wanted name free in the warehouse?
 *   commit 1     sealed and hashed; ledger/ask.ts: is the content new? planning/plan-ahead.ts: its target, its line, an open append
 *   go on        manifest has the same jobs, in the same claim
 *   append       manifest/finish.ts: the lines at the planned offset, sync
 *   commit 2     the lines are confirmed, the append is closed
 *   move         calls/move.ts: stat, rename to the target
 *   sync         the directories
 *   commit 3     stored, done
 *
 * `seal`, `free name` and `move` are orders: a thread carries them out for many files at once, beside the commits of other batches.
 * A large file takes the same calls in claims of its own, where threads read and copy one file each (calls/read.ts, calls/put.ts).
 */
import { type IngestStage, STAGE_NAMES } from '../../base/config/values/stage-names.js';
import type { Stage } from '../steps/stage.js';
import { hash } from './hash.js';
import { manifest } from './manifest.js';
import { move } from './move.js';
import { process } from './process.js';
import { verifyComplete } from './verify-complete.js';

const HANDLERS: { readonly [K in IngestStage]: Stage } = {
  'verify-complete': verifyComplete,
  hash,
  process,
  manifest,
  move,
};

/** In the order of their names. A name without a handler does not compile. */
export const STAGES: readonly Stage[] = STAGE_NAMES.map((name) => HANDLERS[name]);
