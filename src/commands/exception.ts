/** The common part of `ingest-ctl allow-again` and `ingest-ctl withdraw`: one content, who acts, and why. */
import type { Backend } from '../../queue/backend.js';
import type { CommandName } from '../base/config/commands.js';
import type { FeedOptions } from '../base/config/options.js';
import { OperatorError } from '../base/errors.js';
import { type Newest, newestOf } from '../fleet/compare.js';
import type { Rows } from '../fleet/connection.js';
import type { Reason } from '../ingest/upkeep/withdrawal.js';
import { contentNamed, type Named } from '../tools/exceptions/contents-named.js';
import { askedFor, oneWord } from './ask.js';
import { callerName } from './caller.js';
import { print } from './console.js';
import { operate } from './operate.js';
import { withSharedOf } from './shared.js';

/** A content that this host does not know, and another one has. */
export interface Elsewhere extends Newest {
  feed: string;
  sha256: Buffer;
}

/** Each answers the sentence that is said. `shared`: where hosts share a ledger. */
export interface Exception {
  here(backend: Backend, named: Named, said: Reason, shared: Rows | undefined): Promise<string>;
  elsewhere(shared: Rows, of: Elsewhere): Promise<string>;
}

const SHA256 = /^[0-9a-f]{64}$/i;

export async function makeException(
  command: CommandName,
  argv: readonly string[],
  exception: Exception,
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
  return operate(invocation, (backend) =>
    withSharedOf(invocation, backend, async (shared) => {
      const feeds = backend.feeds().map(({ options }) => options as unknown as FeedOptions);
      const among = feeds.filter(({ name }) => wanted === undefined || name === wanted);
      const named = await namedOr(backend, among, word, shared);
      if ('hostName' in named) print(await exception.elsewhere(shared!, named));
      else print(await exception.here(backend, named, { who: callerName(), why }, shared));
      return 0;
    }),
  );
}

/** A content that this host does not know may belong to another host. */
async function namedOr(
  backend: Backend,
  feeds: readonly FeedOptions[],
  word: string,
  shared: Rows | undefined,
): Promise<Named | Elsewhere> {
  try {
    return await contentNamed(backend, feeds, word);
  } catch (error) {
    if (!(error instanceof OperatorError && error.code === 'content_unknown' && shared && SHA256.test(word)))
      throw error;
    const sha256 = Buffer.from(word, 'hex');
    for (const { name: feed } of feeds) {
      const newest = await newestOf(shared, sha256, feed);
      if (newest) return { ...newest, feed, sha256 };
    }
    throw error;
  }
}
