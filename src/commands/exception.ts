/** The common part of `ingest-ctl allow-again` and `ingest-ctl withdraw`: one content, who acts, and why. */
import type { Backend } from '../../queue/backend.js';
import type { CommandName } from '../base/config/commands.js';
import type { FeedOptions } from '../base/config/options.js';
import { OperatorError } from '../base/errors.js';
import type { Reason } from '../ingest/upkeep/withdrawal.js';
import { contentNamed, type Named } from '../tools/exceptions/contents-named.js';
import { askedFor, oneWord } from './ask.js';
import { callerName } from './caller.js';
import { print } from './console.js';
import { operate } from './operate.js';

/** `act` answers the sentence that is said. */
export async function makeException(
  command: CommandName,
  argv: readonly string[],
  act: (backend: Backend, named: Named, said: Reason) => Promise<string>,
): Promise<number> {
  const invocation = askedFor(command, argv);
  if (!invocation) return 0;
  const word = oneWord(invocation, 'a content');
  const { reason: why, feed: wanted } = invocation.view;
  if (why === undefined) {
    throw new OperatorError(
      'missing_reason',
      `${invocation.spec.name} needs a reason, for the people who read the record later; add --reason TEXT.`,
    );
  }
  return operate(invocation, async (backend) => {
    const feeds = backend.feeds().map(({ options }) => options as unknown as FeedOptions);
    const among = feeds.filter(({ name }) => wanted === undefined || name === wanted);
    const named = await contentNamed(backend, among, word);
    print(await act(backend, named, { who: callerName(), why }));
    return 0;
  });
}
