/** The stage and feed that pause and resume are about: `*` stands for all. */

import type { Invocation } from '../base/config/read.js';
import { suggestion } from '../base/config/values/nearest.js';
import { STAGE_NAMES } from '../base/config/values/stage-names.js';
import { OperatorError } from '../base/errors.js';
import type { Scope } from '../ingest/health/pause.js';

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
