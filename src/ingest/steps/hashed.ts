/** A step that knows the file's hash and asks the ledger for its outcome. It is valid only once the file's bytes are on disk. */
import { type Ahead, askLedger } from '../ledger/ask.js';
import type { Says } from '../outbox/claims.js';
import type { JobFacts } from '../rules/facts.js';
import type { Batch, Step } from './stage.js';

export interface Hashed extends Step {
  hashed: JobFacts;
  /** The bytes are on disk: the file was hashed in an earlier claim. */
  isDurable?: true;
  /** The answer of the shared ledger, where hosts share one. */
  says?: Says;
}

export const isHashed = (step: Step): step is Hashed => 'hashed' in step;

/** `ahead`: called inside the transaction. */
export const asking = (
  { feed }: Pick<Batch, 'feed'>,
  step: Omit<Hashed, 'outcome'>,
  ahead?: () => Ahead | undefined,
): Hashed => ({
  ...step,
  outcome: (tx, claimed) => askLedger(tx, claimed, step.hashed, feed, { ahead: ahead?.(), says: step.says }),
});
