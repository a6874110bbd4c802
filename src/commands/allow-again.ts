/** ingest-ctl allow-again: the next drop of a stored content is ingested once more. */
import type { Invocation } from '../base/config/read.js';
import { allowAgain as allow } from '../tools/exceptions/exceptions.js';
import { makeException } from './exception.js';

export const allowAgain = (invocation: Invocation): Promise<number> =>
  makeException(invocation, async (backend, named, said) => {
    const { generation, isNew } = await allow(backend, named, said);
    const what = `the next file with the content ${named.content.sha256.toString('hex')}`;
    return isNew
      ? `${what} is ingested once more, as its generation ${generation}`
      : `${what} was to be ingested once more already, as its generation ${generation}`;
  });
