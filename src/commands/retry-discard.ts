/**
 * ingest-ctl retry: held files go through the stage again that they were held in, attempts forgotten.
 * ingest-ctl discard: held files are given up: moved to `failed/`, their lines withdrawn, their twins set free.
 * Both act on jobs that are named by id or path, or on all that --code and --feed leave.
 * Guarantees: a word that names nothing held is reported, and nothing is done for the others before all words are known. What is given up
 * was named: a word that may mean several files gives up none.
 */
import { isAbsolute, relative, resolve } from 'node:path';
import type { Backend } from '../../queue/backend.js';
import type { JobId, QueueView } from '../../queue/index.js';
import type { Invocation } from '../base/config/read.js';
import { isWithin } from '../base/config/values/directories.js';
import { EXIT, OperatorError } from '../base/errors.js';
import { typed } from '../base/shell.js';
import { safeText } from '../base/telemetry/safe.js';
import { withRealParent } from '../files/real-parent.js';
import { nameOfText } from '../linux/index.js';
import { batchesOf, heldRows, nothingHeld } from '../service/status/held-list.js';
import { discardJobs, INSTEAD } from '../tools/exceptions/discard.js';
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

/** Acts on the held jobs that a verb is about; `said`: what was done with so many of them. Returns the exit code. */
const actOnHeld = (
  invocation: Invocation,
  act: (backend: Backend, batch: readonly JobId[]) => Promise<readonly boolean[]>,
  said: (count: number) => string,
): Promise<number> =>
  operate(invocation, async (backend) => {
    const { ids, missing } = await selectHeld(backend, invocation);
    let count = 0;
    try {
      for (const batch of batchesOf(ids)) count += (await act(backend, batch)).filter(Boolean).length;
    } catch (error) {
      if (count > 0) printNote(`${invocation.spec.name}: ${said(count)}, then it failed:`);
      throw error;
    }
    print(ids.length === 0 && missing === 0 ? nothingHeld(invocation.view) : said(count));
    return missing > 0 ? EXIT.unfinished : EXIT.done;
  });

/** `missing`: how many words there are for which nothing is held; each is reported here. Errors: OperatorError. */
async function selectHeld(view: Pick<QueueView, 'held' | 'feeds'>, { words, view: options, spec }: Invocation) {
  if (options.all === words.length > 0) {
    throw new OperatorError(
      'not_selected',
      `${spec.name} needs to know what to act on, but got ${options.all ? 'both names and --all' : 'neither a name nor --all'}; name job ids or paths, or write --all.`,
    );
  }
  // Ids alone are kept: whole jobs of a million files would not fit into memory.
  if (options.all) return { ids: Array.from(heldRows(view, options), ({ id }) => id), missing: 0 };
  const found = await heldBy(view, words, options);
  const unmet = words.filter((word) => found.get(word)!.length === 0);
  for (const word of unmet)
    printNote(
      `${spec.name}: ${safeText(word)} is not held${options.code ? ` for ${options.code}` : ''}; ${typed('ingest-ctl held')} lists what is.`,
    );
  const several = [...found].find(([, ids]) => ids.length > 1);
  // Given up is for ever; each other verb can be said again.
  if (several && spec.name.endsWith(' discard'))
    throw new OperatorError(
      'which_job',
      `${safeText(several[0])} may mean ${several[1].length} held files, and nothing was given up: ${typed('ingest-ctl held', '--all')} lists them; name the id of the one that is meant (${several[1].slice(0, IDS_SHOWN).join(', ')}).`,
    );
  return { ids: [...new Set([...found.values()].flat())], missing: unmet.length };
}

const IDS_SHOWN = 5;

/** The held jobs that each word means: by its id or its path; else, for a path as logs show it, in whichever feed it is. */
async function heldBy(
  view: Pick<QueueView, 'held' | 'feeds'>,
  words: readonly string[],
  options: Invocation['view'],
): Promise<Map<string, JobId[]>> {
  const feeds = view.feeds().map(({ name, options }) => ({ name, input: String(options.input) }));
  const named = new Map<string, string[]>();
  const guessed = new Map<string, string[]>();
  const add = (to: typeof named, name: string, word: string): unknown => to.set(name, [...(to.get(name) ?? []), word]);
  const nameOf = (feed: string, path: string): string => `${feed}\0${nameOfText(path)}`;
  const folders = new Map<string, Promise<string>>();
  for (const word of words) {
    if (JOB_ID.test(word)) add(named, word, word);
    const absolute = await withRealParent(resolve(word), folders);
    const inside = feeds.filter(({ input }) => isWithin(absolute, input));
    for (const { name, input } of inside) add(named, nameOf(name, relative(input, absolute)), word);
    if (inside.length === 0 && !isAbsolute(word)) for (const { name } of feeds) add(guessed, nameOf(name, word), word);
  }
  const exact = new Map(words.map((word): [string, JobId[]] => [word, []]));
  const other = new Map(words.map((word): [string, JobId[]] => [word, []]));
  for (const { id, feed, key } of heldRows(view, options)) {
    const name = `${feed}\0${key.toString('latin1')}`;
    const meant = [...(named.get(id) ?? []), ...(named.get(name) ?? [])];
    for (const word of meant) exact.get(word)!.push(id);
    if (meant.length === 0) for (const word of guessed.get(name) ?? []) other.get(word)!.push(id);
  }
  for (const [word, ids] of exact) if (ids.length === 0) exact.set(word, other.get(word)!);
  return exact;
}
