/**
 * The option that the version before took and this one does not. Without a sentence of its own it would seem mistyped as a flag, and
 * in the environment it would be passed by: a host would go on as if it shared nothing.
 * Does not: repeat its value, which may have a password in it.
 */
import { OperatorError } from '../errors.js';

export const REMOVED = 'shared-ledger';

/** `origin`: how the option was given. */
export const removed = (origin: string): OperatorError =>
  new OperatorError(
    'option_removed',
    `${origin} is not taken by this version, in which no host shares its ledger; leave it out: a state that has never joined a shared ledger goes on as it is.`,
  );
