/** The interface that a role's module gets from the child process that it runs in. */
import type { Config } from '../config/options.js';
import type { IngestStage } from '../config/values/stage-names.js';
import type { Emit } from '../telemetry/emit.js';
import type { ChildMessage } from './protocol.js';

export interface ChildContext {
  config: Config;
  /** A worker's stages, in the pipeline's order. */
  stages: IngestStage[];
  /** True where a person watches: `progress` reports are shown then. */
  terminal: boolean;
  /** Sends a message to the parent. `ready` must be sent as soon as the state is open: from then on the heartbeats count. */
  report(message: ChildMessage): void;
  /** Aborted when the role should finish its work in progress and return. */
  drainSignal: AbortSignal;
  /** Resolves when the role should drain; rejects with what `fail` was given first. */
  drained: Promise<void>;
  /** Ends the role, from any place in the code that notices that it cannot go on. */
  fail(error: unknown): void;
  /** `clear` is called, synchronously, when the process must end at once: it clears the slot, so that it is no crash. */
  onStop(clear: () => void): void;
  emit: Emit;
}

/** `src/ingest/producer/run.ts` exports `runProducer`, `src/ingest/worker/run.ts` exports `runWorker`. */
export type RunRole = (context: ChildContext) => Promise<void>;
