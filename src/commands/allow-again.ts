/** ingest-ctl allow-again: the next drop of a stored content is ingested once more, at whichever host it comes. */
import { OperatorError } from '../base/errors.js';
import { newestOf } from '../fleet/compare.js';
import { sendPermitted } from '../fleet/send.js';
import { allowAgain as allow } from '../tools/exceptions/exceptions.js';
import { type Elsewhere, makeException } from './exception.js';

export const allowAgain = (argv: readonly string[]): Promise<number> =>
  makeException('allow-again', argv, {
    async here(backend, named, said, shared) {
      const { feed, content } = named;
      const newest = shared && (await newestOf(shared, content.sha256, feed.name));
      if (newest) refuseCarried({ ...newest, feed: feed.name, sha256: content.sha256 });
      const { generation, isNew } = await allow(backend, named, said, newest?.generation);
      // At once: the file may come at another host before a worker of this one records it there.
      if (shared) await sendPermitted(shared, [{ sha256: content.sha256, feed: feed.name, generation }]);
      return sentence(content.sha256, generation, isNew);
    },
    async elsewhere(shared, of) {
      refuseCarried(of);
      const generation = of.generation + 1;
      await sendPermitted(shared, [{ ...of, generation }]);
      return `${sentence(of.sha256, generation, true)}; host ${of.hostName} has stored it`;
    },
  });

function sentence(sha256: Buffer, generation: number, isNew: boolean): string {
  const what = `the next file with the content ${sha256.toString('hex')}`;
  return isNew
    ? `${what} is ingested once more, as its generation ${generation}`
    : `${what} was to be ingested once more already, as its generation ${generation}`;
}

function refuseCarried({ state, sha256, hostName }: Elsewhere): void {
  if (state === 'stored') return;
  throw new OperatorError(
    'content_under_way',
    `${sha256.toString('hex')} is on its way at host ${hostName} and not stored yet: what comes now is not a repetition of it.`,
  );
}
