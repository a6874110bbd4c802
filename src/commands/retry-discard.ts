/**
 * ingest-ctl retry: held files go through the stage again that they were held in, attempts forgotten.
 * ingest-ctl discard: held files are given up: moved to `failed/`, their lines withdrawn, their twins set free.
 * Both act on jobs that are named by id or path, or on all that --code and --feed leave.
 * Guarantees: a word that names nothing held is reported, and nothing is done for the others before all words are known.
 */
import { isAbsolute, relative, resolve } from 'node:path';
import type { Backend } from '../../queue/backend.js';
import type { Job, JobId, QueueView } from '../../queue/index.js';
import type { Invocation } from '../base/config/read.js';
import { EXIT, OperatorError } from '../base/errors.js';
import { typed } from '../base/shell.js';
import { safeText } from '../base/telemetry/safe.js';
import { withRealParent } from '../files/real-parent.js';
import type { Delivered } from '../ingest/ledger/stored.js';
import { bytesOfName, nameOfText } from '../linux/index.js';
import { heldRows, inBatches, nothingHeld } from '../service/status/held-list.js';
import { discardJobs } from '../tools/exceptions/discard.js';
import { retryJobs, unhealed } from '../tools/exceptions/retry.js';
import { JOB_ID } from '../tools/explain/find.js';
import { print, printNote } from './console.js';
import { operate } from './state-view.js';

export async function retry(invocation: Invocation): Promise<number> {
  const codes = new Set<string>();
  const code = await actOnHeld(
    invocation,
    (backend, batch) => retryJobs(backend, batch, (one) => codes.add(one)),
    (again) => `${again} ${again === 1 ? 'file goes through its' : 'files go through their'} stage again`,
  );
  for (const sentence of unhealed(codes)) printNote(`ingest-ctl retry: ${sentence}`);
  return code;
}

export function discard(invocation: Invocation): Promise<number> {
  const onDelivered = (id: string, as: keyof typeof INSTEAD) => printNote(`ingest-ctl discard: ${INSTEAD[as](id)}`);
  return actOnHeld(
    invocation,
    (backend, batch) => discardJobs(backend, batch, onDelivered),
    (given) => `${given} ${given === 1 ? 'file is' : 'files are'} given up`,
  );
}

const INSTEAD: Record<Delivered | 'kept', (id: string) => string> = {
  kept: (id) => `the file of ${id} stays in the warehouse, with its line; only its publication is given up`,
  stored: (id) => `the file of ${id} is in the warehouse already, so it is recorded as stored instead`,
  unconfirmed: (id) =>
    `the file of ${id} has left the work directory, and may have been taken from the warehouse since, so it is recorded as stored (unconfirmed) instead`,
};

/** Acts on the held jobs that a verb is about; `said`: what was done with so many of them. Returns the exit code. */
const actOnHeld = (
  invocation: Invocation,
  act: (backend: Backend, batch: readonly JobId[]) => Promise<readonly boolean[]>,
  said: (count: number) => string,
): Promise<number> =>
  operate(invocation, async (backend) => {
    const { ids, missing } = selectHeld(backend, invocation);
    const count = await inBatches(ids, (batch) => act(backend, batch));
    print(ids.length === 0 && missing === 0 ? nothingHeld(invocation.view) : said(count));
    return missing > 0 ? EXIT.unfinished : EXIT.done;
  });

/** `ids`: of held jobs, in the order of the list. `missing`: how many words there are for which nothing is held; each is reported here. */
function selectHeld(view: Pick<QueueView, 'held' | 'feeds'>, { words, view: options, spec }: Invocation) {
  if (options.all === words.length > 0) {
    throw new OperatorError(
      'not_selected',
      `${spec.name} needs to know what to act on, but got ${options.all ? 'both names and --all' : 'neither a name nor --all'}; name job ids or paths, or write --all.`,
    );
  }
  const ids: JobId[] = [];
  const named = new Named(view, words);
  for (const job of heldRows(view, options)) {
    if (options.all || named.has(job)) ids.push(job.id);
  }
  for (const word of named.unmet())
    printNote(
      `${spec.name}: ${safeText(word)} is not held${options.code ? ` for ${options.code}` : ''}; ${typed('ingest-ctl held')} lists what is.`,
    );
  return { ids, missing: named.unmet().length };
}

/** The words, as job ids and as keys of every feed that they may lie in. */
class Named {
  readonly #wordOf = new Map<string, string>();
  readonly #unmet: Set<string>;

  constructor(view: Pick<QueueView, 'feeds'>, words: readonly string[]) {
    this.#unmet = new Set(words);
    for (const word of words) {
      if (JOB_ID.test(word)) this.#wordOf.set(word, word);
      for (const { feed, key } of keysOf(view, word)) this.#wordOf.set(`${feed}\0${key.toString('latin1')}`, word);
    }
  }

  has(job: Job): boolean {
    const word = this.#wordOf.get(job.id) ?? this.#wordOf.get(`${job.feed}\0${job.key.toString('latin1')}`);
    if (word !== undefined) this.#unmet.delete(word);
    return word !== undefined;
  }

  unmet(): string[] {
    return [...this.#unmet];
  }
}

/** Absolute, relative to where the operator stands, or relative to an input, as logs show it. */
function keysOf(view: Pick<QueueView, 'feeds'>, word: string): { feed: string; key: Buffer }[] {
  const absolute = withRealParent(resolve(word));
  return view.feeds().flatMap(({ name, options }) => {
    const inside = relative(String(options.input ?? ''), absolute);
    const isBelow = inside !== '' && inside !== '..' && !inside.startsWith('../') && !isAbsolute(inside);
    const paths = [...(isBelow ? [inside] : []), ...(isAbsolute(word) ? [] : [word])];
    return [...new Set(paths)].map((path) => ({ feed: name, key: bytesOfName(nameOfText(path)) }));
  });
}
