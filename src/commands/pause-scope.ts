/** What pause and resume are about: `*` stands for all. */

import { suggestion } from '../config/nearest.js';
import type { Invocation } from '../config/read.js';
import { STAGE_NAMES } from '../config/stage-names.js';
import { OperatorError } from '../errors.js';
import type { Scope } from '../gates/pause.js';

export function scopeOf({ words, view }: Invocation): Scope {
  const stage = words[0] ?? '*';
  if (stage !== '*' && !(STAGE_NAMES as readonly string[]).includes(stage)) {
    throw new OperatorError(
      'unknown_stage',
      `${JSON.stringify(stage)} is not a stage; ${suggestion(stage, STAGE_NAMES)}the stages are ${STAGE_NAMES.join(', ')}.`,
    );
  }
  return { feed: view.feed ?? '*', stage };
}
