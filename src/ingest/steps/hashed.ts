/** A step that knows what its file has, and asks the ledger what becomes of it. It stands only once the file's bytes are on disk. */
import { type Ahead, askLedger } from '../ledger/ask.js';
import type { Says } from '../outbox/claims.js';
import type { JobFacts } from '../rules/facts.js';
import type { Batch, Step } from './stage.js';

export interface Hashed extends Step {
  hashed: JobFacts;
  /** They are: it was hashed in a claim before. */
  isDurable?: true;
  /** Where hosts share a ledger. */
  says?: Says;
}

export const isHashed = (step: Step): step is Hashed => 'hashed' in step;

/** `ahead`: asked within the transaction. */
export const asking = (
  { feed }: Pick<Batch, 'feed'>,
  step: Omit<Hashed, 'outcome'>,
  ahead?: () => Ahead | undefined,
): Hashed => ({
  ...step,
  outcome: (tx, claimed) => askLedger(tx, claimed, step.hashed, feed, { ahead: ahead?.(), says: step.says }),
});
