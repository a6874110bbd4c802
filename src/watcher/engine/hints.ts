/** Several hints of one path, where everything is told. */
import type { Hint } from './types.js';

/**
 * What is kept of two. Attributes that changed say less than whatever was known. A rename into place says most: a directory
 * that went and is back is told again with all it holds, whatever else happened to it (its own move, the end of the wait for its new
 * name); what lies there, or whether anything does, is seen by looking.
 */
export const merged = (known: Hint | undefined, by: Hint): Hint =>
  known === 'rename' || (known !== undefined && by === 'attributes') ? known : by;
