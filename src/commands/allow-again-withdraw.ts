/**
 * ingest-ctl allow-again: the next drop of a stored content is ingested once more.
 * ingest-ctl withdraw: a file that was wrongly ingested is taken out of the warehouse again.
 */
import type { Backend } from '../../queue/backend.js';
import type { FeedOptions } from '../base/config/options.js';
import type { Invocation } from '../base/config/read.js';
import { OperatorError } from '../base/errors.js';
import { safeText } from '../base/telemetry/safe.js';
import { placeOf, shownPlace } from '../ingest/ledger/content.js';
import { isHere, NOT_PUBLISHED, ownPublication, type Publication } from '../ingest/ledger/publications.js';
import { urlOf } from '../ingest/sharing/check.js';
import { refuseCopy } from '../ingest/sharing/place.js';
import type { Reason } from '../ingest/upkeep/withdrawal.js';
import { contentOf, type Newest, readNewest } from '../shared-ledger/statements.js';
import { contentNamed, type Named } from '../tools/exceptions/contents-named.js';
import { type Allowed, allowAgain as allow, withdraw as withdrawContent } from '../tools/exceptions/exceptions.js';
import { oneWord } from './ask.js';
import { print } from './console.js';
import { withUrl } from './shared.js';
import { callerName, feedsAsked, operate } from './state-view.js';

/** One content, who acts, and why. `act` answers the sentence that is said. `there`: finds a content that other hosts have. */
async function makeException<There extends Allowed = never>(
  invocation: Invocation,
  act: (backend: Backend, named: Named | There, said: Reason) => Promise<string>,
  there: (backend: Backend, feeds: readonly FeedOptions[], sha256: Buffer) => Promise<There[]> = async () => [],
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
    const feeds = feedsAsked(backend, invocation);
    const named = await contentNamed(backend, feeds, word, (sha256) => there(backend, feeds, sha256));
    print(await act(backend, named, { who: callerName(), why }));
    return 0;
  });
}

export const allowAgain = (invocation: Invocation): Promise<number> =>
  makeException<Allowed>(invocation, allowOne, storedThere);

async function allowOne(backend: Backend, named: Allowed, said: Reason): Promise<string> {
  const { generation, isNew } = await allow(backend, named, said, await newestOf(backend, named));
  const what = `the next file with the content ${named.content.sha256.toString('hex')}`;
  return isNew
    ? `${what} is ingested once more, as its generation ${generation}`
    : `${what} was to be ingested once more already, as its generation ${generation}`;
}

/** The newest generation of a content in a feed that any host has. */
async function newestThere(backend: Backend, feed: FeedOptions, sha256: Buffer): Promise<Newest | undefined> {
  const url = urlOf(backend);
  const key = { feed: feed.name, sha256 };
  return url === undefined
    ? undefined
    : withUrl(url, async (shared) => (await readNewest(shared, [key])).get(contentOf(key)));
}

async function storedThere(backend: Backend, feeds: readonly FeedOptions[], sha256: Buffer): Promise<Allowed[]> {
  const found: Allowed[] = [];
  for (const feed of feeds)
    if (await newestThere(backend, feed, sha256)) found.push({ feed, content: { sha256, carrier: '' } });
  return found;
}

/** Its number. Errors: OperatorError where a host has it under way. */
async function newestOf(backend: Backend, { feed, content }: Allowed): Promise<number> {
  const newest = await newestThere(backend, feed, content.sha256);
  if (newest?.state === 'carried' && !newest.isFree)
    throw new OperatorError(
      'content_under_way',
      `host ${newest.hostName} has the content ${content.sha256.toString('hex')} under way: what comes now is not a repetition of it; wait until it is stored.`,
    );
  return newest?.generation ?? 0;
}

export const withdraw = (invocation: Invocation): Promise<number> =>
  makeException(invocation, async (backend, named, said) => {
    const at = safeText(shownPlace(named.feed.warehouse, placeOf(named.content)));
    if (named.content.state === 'learned')
      throw new OperatorError(
        'not_ours_to_withdraw',
        `that content was made known by ingest-ctl learn (${at}), and no file of it was ingested: there is nothing to withdraw.`,
      );
    if (named.isDuplicate) {
      throw new OperatorError(
        'not_ours_to_withdraw',
        `that file was not ingested: it is a duplicate of ${at}; name that one where it is meant.`,
      );
    }
    const published = backend.read((reader) => ownPublication(reader, named.content.row));
    const id = await withdrawContent(backend, named, said);
    return `${at} is withdrawn: its correction is written; a worker ${whatGoes(published, named.content)} (job ${id})`;
  });

function whatGoes(published: Publication | undefined, { state }: Named['content']): string {
  const moved = 'moves it to failed/ of the work directory';
  if (!published || published.part === NOT_PUBLISHED) return moved;
  if (isHere(published)) return `${moved}, then deletes its objects in the bucket`;
  const objects = 'deletes its objects in the bucket';
  if (state === 'unconfirmed') return `${objects}; a file that was copied back comes to failed/ of the work directory`;
  return `${objects}; nothing comes to failed/, because its local file was removed before (--keep-local)`;
}
