/** ingest-ctl allow-again: the next drop of a stored content is ingested once more. */
import type { Backend } from '../../queue/backend.js';
import type { Invocation } from '../base/config/read.js';
import { OperatorError } from '../base/errors.js';
import { urlOf } from '../ingest/sharing/check.js';
import { contentOf, readNewest } from '../shared-ledger/statements.js';
import type { Named } from '../tools/exceptions/contents-named.js';
import { allowAgain as allow } from '../tools/exceptions/exceptions.js';
import { makeException } from './exception.js';
import { withUrl } from './shared.js';

export const allowAgain = (invocation: Invocation): Promise<number> =>
  makeException(invocation, async (backend, named, said) => {
    const { generation, isNew } = await allow(backend, named, said, await newestOf(backend, named));
    const what = `the next file with the content ${named.content.sha256.toString('hex')}`;
    return isNew
      ? `${what} is ingested once more, as its generation ${generation}`
      : `${what} was to be ingested once more already, as its generation ${generation}`;
  });

/** The newest generation that any host has. Errors: OperatorError where one has it under way. */
async function newestOf(backend: Backend, { feed, content }: Named): Promise<number> {
  const url = urlOf(backend);
  if (url === undefined) return 0;
  const key = { feed: feed.name, sha256: content.sha256 };
  const newest = await withUrl(url, async (shared) => (await readNewest(shared, [key])).get(contentOf(key)));
  if (newest?.state === 'carried' && !newest.isFree)
    throw new OperatorError(
      'content_under_way',
      `host ${newest.hostName} has the content ${content.sha256.toString('hex')} under way: what comes now is not a repetition of it; wait until it is stored.`,
    );
  return newest?.generation ?? 0;
}
