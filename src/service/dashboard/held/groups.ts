/**
 * Held files by their reason and folder, and the files of such a group.
 * Guarantees: however many files are held, each turn of the event loop reads a bounded number of them, and pages that ask within
 * the same second share one answer.
 * Does not: read payloads or histories of files that are only counted.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { HeldKey, QueueView } from '../../../../queue/index.js';
import { pages } from '../../../base/pages.js';
import { groupOf, remedyOf } from '../../../base/remedy.js';
import { folderOf } from '../../../files/job-paths.js';
import { type ByteName, shownName } from '../../../linux/index.js';
import type { HeldOf } from '../../status/held-list.js';

/** A few milliseconds' reading. */
const PAGE = 2_000;
/** An answer is shared for so long. */
const FRESH_MS = 1_000;
/** Filters whose answers are kept. */
const ANSWERS_MAX = 32;
/** The folder of files that lie in the input itself. */
export const INPUT_ITSELF = '.';

/** Each narrows. `folder`: exactly that one, as it is shown. `name`: any part of a path, in any case. */
export interface HeldFilter extends HeldOf {
  folder?: string | undefined;
  name?: string | undefined;
}

const shownKey = ({ key }: HeldKey): string => shownName(key.toString('latin1') as ByteName);
const folderOfKey = ({ key }: HeldKey): string =>
  shownName(folderOf(key.toString('latin1') as ByteName)) || INPUT_ITSELF;

/** Pages of the held files that a filter leaves, by id. */
export async function* heldPages(
  view: Pick<QueueView, 'heldKeys'>,
  { feed, code, folder, name }: HeldFilter,
  first?: string,
): AsyncGenerator<readonly HeldKey[]> {
  const part = name?.toLowerCase();
  const wanted = (one: HeldKey): boolean =>
    (folder === undefined || folderOfKey(one) === folder) &&
    (part === undefined || shownKey(one).toLowerCase().includes(part));
  const pageAfter = (last?: HeldKey) => view.heldKeys({ feed, code, limit: PAGE, after: last?.id ?? first });
  for (const page of pages(pageAfter)) {
    yield folder === undefined && part === undefined ? page : page.filter(wanted);
    await nextTurn();
  }
}

interface Group {
  feed: string;
  code: string;
  /** Below the input; `.` is the input itself. */
  folder: string;
  files: number;
  sinceMs: number;
}

async function groupsOf(view: Pick<QueueView, 'heldKeys'>, filter: HeldFilter): Promise<Group[]> {
  const groups = new Map<string, Group>();
  for await (const page of heldPages(view, filter)) {
    for (const one of page) {
      const { feed, code, sinceMs } = one;
      const folder = folderOfKey(one);
      const key = `${feed}\0${code}\0${folder}`;
      const group = groups.get(key);
      if (!group) groups.set(key, { feed, code, folder, files: 1, sinceMs });
      else {
        group.files++;
        group.sinceMs = Math.min(group.sinceMs, sinceMs);
      }
    }
  }
  return [...groups.values()].sort((a, b) => b.files - a.files || (a.folder < b.folder ? -1 : 1));
}

function reasonsOf(groups: readonly Group[]) {
  const reasons = Map.groupBy(groups, ({ feed, code }) => `${feed}\0${code}`);
  return [...reasons.values()]
    .map((its) => {
      const { feed, code } = its[0]!;
      return {
        feed,
        code,
        files: its.reduce((sum, { files }) => sum + files, 0),
        folders: its.length,
        /** The first of them is held since then. */
        since: iso(its.reduce((least, { sinceMs }) => Math.min(least, sinceMs), Number.POSITIVE_INFINITY)),
        /** The remedy. */
        hint: remedyOf(code, groupOf(feed, code), feed),
      };
    })
    .sort((a, b) => b.files - a.files || (a.code < b.code ? -1 : 1));
}

const iso = (ms: number): string => new Date(ms).toISOString();

export class HeldGroups {
  readonly #answers = new Map<string, { atMs: number; groups: Promise<Group[]> }>();

  constructor(private readonly view: Pick<QueueView, 'heldKeys'>) {}

  async answer(filter: HeldFilter, limit: number) {
    const groups = await this.#groups(filter);
    return {
      files: groups.reduce((sum, { files }) => sum + files, 0),
      /** The one with most files first. */
      reasons: reasonsOf(groups),
      /** The same, as many as were asked for. */
      folders: groups.slice(0, limit).map(({ sinceMs, ...group }) => ({ ...group, since: iso(sinceMs) })),
      /** How many folders there are in all. */
      folders_found: groups.length,
    };
  }

  /** After a change: whoever made it wants to see it. */
  forget(): void {
    this.#answers.clear();
  }

  #groups(filter: HeldFilter): Promise<Group[]> {
    const { feed, code, folder, name } = filter;
    const key = JSON.stringify([feed, code, folder, name]);
    const nowMs = performance.now();
    const known = this.#answers.get(key);
    if (known && nowMs - known.atMs < FRESH_MS) return known.groups;
    if (this.#answers.size >= ANSWERS_MAX) this.#answers.clear();
    const groups = groupsOf(this.view, filter);
    this.#answers.set(key, { atMs: nowMs, groups });
    return groups;
  }
}
