/** What `ingest-ctl allow-again` and `ingest-ctl withdraw` share: one content, and who says so and why. */
import { userInfo } from 'node:os';
import type { Backend } from '../../queue/backend.js';
import type { CommandName } from '../base/config/commands.js';
import type { FeedOptions } from '../base/config/options.js';
import { OperatorError } from '../base/errors.js';
import type { Said } from '../ingest/upkeep/withdrawal.js';
import { contentNamed, type Named } from '../tools/exceptions/contents-named.js';
import { askedFor, oneWord } from './ask.js';
import { say } from './console.js';
import { operate } from './operate.js';

/** `act` answers the sentence that is said. */
export async function makeException(
  command: CommandName,
  argv: readonly string[],
  act: (backend: Backend, named: Named, said: Said) => Promise<string>,
): Promise<number> {
  const invocation = askedFor(command, argv);
  if (!invocation) return 0;
  const word = oneWord(invocation, 'a content');
  const { reason: why, feed: wanted } = invocation.view;
  if (why === undefined) {
    throw new OperatorError(
      'missing_reason',
      `${invocation.spec.name} must be told why, for those who read the record later; add --reason TEXT.`,
    );
  }
  return operate(invocation, async (backend) => {
    const feeds = backend.feeds().map(({ options }) => options as unknown as FeedOptions);
    const among = feeds.filter(({ name }) => wanted === undefined || name === wanted);
    say(await act(backend, await contentNamed(backend, among, word), { who: whoIsThis(), why }));
    return 0;
  });
}

/** Behind sudo, the one who called it. */
function whoIsThis(): string {
  const { SUDO_USER } = process.env;
  if (SUDO_USER) return SUDO_USER;
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.geteuid?.()}`; // a container's, without a name
  }
}
