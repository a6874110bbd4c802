/**
 * The stages, in their order. ARCHITECTURE.md has the way of one file through them, hop by hop.
 * A process that runs several stages keeps the claim of a job that advances, and goes straight on with it.
 * `seal`, `hash` and `move` are orders: a thread carries them out for many files at once, beside the commits of other batches.
 * Threads of their own read and copy large files, one each (calls/hash.ts, calls/move.ts).
 */
import { type IngestStage, STAGE_NAMES } from '../../base/config/values/stage-names.js';
import { hash } from './hash.js';
import { manifest } from './manifest.js';
import { move } from './move.js';
import { process } from './process.js';
import { publish } from './publish.js';
import { share } from './share.js';
import type { Stage } from './stage.js';
import { verifyComplete } from './verify-complete.js';

const HANDLERS: { readonly [K in IngestStage]: Stage } = {
  'verify-complete': verifyComplete,
  hash,
  share,
  process,
  manifest,
  move,
  publish,
};

/** In the order of their names. A name without a handler does not compile. */
export const STAGES: readonly Stage[] = STAGE_NAMES.map((name) => HANDLERS[name]);
