/** The common part of `ingest-ctl allow-again` and `ingest-ctl withdraw`: one content, who acts, and why. */
import type { Backend } from '../../queue/backend.js';
import type { Invocation } from '../base/config/read.js';
import { OperatorError } from '../base/errors.js';
import { refuseCopy } from '../ingest/sharing/place.js';
import type { Reason } from '../ingest/upkeep/withdrawal.js';
import { contentNamed, type Named } from '../tools/exceptions/contents-named.js';
import { oneWord } from './ask.js';
import { callerName } from './caller.js';
import { print } from './console.js';
import { operate } from './operate.js';
import { feedsAsked } from './state-view.js';

/** `act` answers the sentence that is said. */
export async function makeException(
  invocation: Invocation,
  act: (backend: Backend, named: Named, said: Reason) => Promise<string>,
): Promise<number> {
  const word = oneWord(invocation, 'a content');
  const { reason: why } = invocation.view;
  if (why === undefined) {
    throw new OperatorError(
      'missing_reason',
      `${invocation.spec.name} needs a reason, for the people who read the record later; add --reason TEXT.`,
    );
  }
  return operate(invocation, async (backend, statePath) => {
    backend.read((reader) => refuseCopy(reader, statePath));
    const named = await contentNamed(backend, feedsAsked(backend, invocation), word);
    print(await act(backend, named, { who: callerName(), why }));
    return 0;
  });
}
