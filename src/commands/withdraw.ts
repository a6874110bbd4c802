/** ingest-ctl withdraw: a file that was wrongly ingested is taken out of the warehouse again. */
import type { Invocation } from '../base/config/read.js';
import { OperatorError } from '../base/errors.js';
import { safeText } from '../base/telemetry/safe.js';
import { placeOf, shownPlace } from '../ingest/ledger/content.js';
import { NOT_PUBLISHED, ownPublication, type Publication } from '../ingest/ledger/publications.js';
import { withdraw as withdrawContent } from '../tools/exceptions/exceptions.js';
import { makeException } from './exception.js';

export const withdraw = (invocation: Invocation): Promise<number> =>
  makeException(invocation, async (backend, named, said) => {
    const at = safeText(shownPlace(named.feed.warehouse, placeOf(named.content)));
    if (named.isDuplicate) {
      throw new OperatorError(
        'not_ours_to_withdraw',
        `that file was not ingested: it is a duplicate of ${at}; name that one where it is meant.`,
      );
    }
    const published = backend.read((reader) => ownPublication(reader, named.content.row));
    const id = await withdrawContent(backend, named, said);
    return `${at} is withdrawn: its correction is written; a worker ${whatGoes(published)} (job ${id})`;
  });

function whatGoes(published: Publication | undefined): string {
  const moved = 'moves it to failed/ of the work directory';
  if (!published || published.part === NOT_PUBLISHED) return moved;
  if (published.isLocal === 1) return `${moved}, then deletes its objects in the bucket`;
  return 'deletes its objects in the bucket; nothing comes to failed/, because its local file was removed before (--keep-local)';
}
