/**
 * Refuses a start with another root while work is planned for the old one: sealed files lie in the old work directory, lines
 * name the old warehouse, intents the old manifest files. Also refuses a root without the stored files: the ledger would then
 * name files and lines that nobody finds.
 * Also refuses a warehouse inside the warehouse of another feed.
 * Does not: refuse a root that was moved or copied together with its marker (follow-moved.ts).
 */
import { lstatSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Backend } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';
import { isWithin } from '../../base/config/values/directories.js';
import { EnvironmentError, OperatorError } from '../../base/errors.js';
import { pages } from '../../base/pages.js';
import { typed } from '../../base/shell.js';
import { UNDERPROCESS } from '../../files/job-paths.js';
import { errnoOf, unlessRefused } from '../../files/place-error.js';
import { type ByteName, nameOfBytes, shownName } from '../../linux/index.js';
import { allRoots, recordedRoots } from '../files/recorded-roots.js';
import { UNDER_WAY } from '../ledger/content.js';
import { inputsServed } from '../ledger/services.js';
import { markerAt } from './root-locks.js';

export function refuseMovedWork(
  state: Pick<Backend, 'read'>,
  feed: FeedOptions,
  before: string | undefined,
  now: string,
): void {
  if (before === undefined || before === now) return;
  const left = state.read(
    (r) =>
      r.get<{ n: number }>(
        `SELECT count(*) AS n FROM all_jobs WHERE feed = ? AND state <> 'done' AND keyed = 0`,
        feed.name,
      )!.n,
  );
  // A job that was killed between its seal's rename and the commit still has its key. Only the folder shows its file.
  if (left === 0 && !hasSealed(before)) return;
  const what = left === 0 ? 'sealed files lie there' : `${left} sealed files are not stored yet`;
  throw new EnvironmentError(
    'work_dir_changed',
    `--work-dir of feed ${feed.name} must stay ${before} while files lie in it, but it is ${now} and ${what}; start with the old one (and the old --input) until they are stored. If it was moved there as a whole, run ${typed('ingest-ctl rebuild')}.`,
  );
}

/**
 * For a feed of a configuration. Jobs name their files by the path below the input: with another one they would be taken for gone,
 * and their files would lie in the old one unnoticed. An input that was moved as a whole is the same.
 * A producer asks when it has recorded its own feeds: of two that start at once, at least one sees the other.
 */
export function refuseOtherInput(state: Pick<Backend, 'read' | 'isAlive'>, { name, input }: FeedOptions): void {
  // Each has the name or the path.
  const isTaken = (feed: string, path: string): boolean => feed !== name || (path !== input && areTwo(path, input));
  for (const { feed, path } of inputsServed(state, { name, input })) {
    if (!isTaken(feed, path)) continue;
    throw new EnvironmentError(
      'input_changed',
      `--input of feed ${name} is ${input}, but a running producer watches ${path} for feed ${feed}; stop it first, or name both as feeds of one --config.`,
    );
  }
  for (const { feed, kind, path } of allRoots(state)) {
    if (kind !== 'input' || (feed !== name && path !== input) || !isTaken(feed, path)) continue;
    const left = fileLeft(state, feed, path, feed === name);
    if (left === undefined) continue;
    throw new EnvironmentError(
      'input_changed',
      `--input of feed ${name} is ${input}, but feed ${feed} has ${path}, where files wait or are held (${shownName(left)}); start with that name and that directory until none is left (${typed('ingest-ctl discard')} gives up what is held).`,
    );
  }
}

/**
 * A file that waits or is held in that input, if there is one. One that is gone needs no input; but where the work directory is not
 * there either, the disk may be away. `inMounts`: also one that is sealed in a mount below it, where another input has none.
 */
function fileLeft(state: Pick<Backend, 'read'>, feed: string, path: string, inMounts: boolean): ByteName | undefined {
  const { work, markers } = recordedRoots(state, feed);
  const isThere = markers.work !== undefined && markerAt(work)?.id === markers.work;
  const after = (last?: Left) => state.read((r) => r.all<Left>(LEFT, feed, inMounts ? 1 : 0, last?.id ?? ''));
  for (const page of pages(after))
    for (const { key, keyed } of page) if (keyed === 0 || !isThere || mayLie(path, key)) return nameOfBytes(key);
  return undefined;
}

type Left = { id: string; key: Buffer; keyed: 0 | 1 };
const LEFT = `SELECT id, key, keyed FROM all_jobs WHERE feed = ? AND state <> 'done'
  AND (keyed = 1 OR (? AND payload ->> 'inside' <> '')) AND id > ? ORDER BY id LIMIT 1000`;

/** True also in a folder that this user may not enter. */
function mayLie(path: string, key: Buffer): boolean {
  try {
    return lstatSync(Buffer.concat([Buffer.from(`${path}/`), key]), { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return true;
  }
}

/** Both are there, and are two directories. One that does not answer is not asked where nothing has changed. */
function areTwo(one: string, another: string): boolean {
  const [a, b] = [one, another].map((path) => unlessRefused(() => statSync(path)));
  return a !== undefined && b !== undefined && (a.dev !== b.dev || a.ino !== b.ino);
}

function hasSealed(work: string): boolean {
  try {
    return readdirSync(join(work, UNDERPROCESS)).length > 0;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return false;
    throw error;
  }
}

/** Feeds of one configuration were compared when it was read. The others of the state are known only here. */
export function refuseNested(state: Pick<Backend, 'feeds'>, feed: FeedOptions): void {
  for (const { name, options } of state.feeds()) {
    const other = String(options.warehouse);
    const nested = isWithin(feed.warehouse, other) || isWithin(other, feed.warehouse);
    if (name === feed.name || other === feed.warehouse || !nested) continue;
    throw new OperatorError(
      'folders_overlap',
      `--warehouse of feed ${feed.name} (${feed.warehouse}) and that of feed ${name} of the same state (${other}) lie in one another, so a file would belong to both; name two separate directories or the same one, or run ${typed('ingest-ctl retire', name)} if that feed is not used any more.`,
    );
  }
}

/** Plans name these roots: a line its warehouse, an open append its manifest file. */
export const KEPT_WHILE_UNDER_WAY = [
  {
    kind: 'warehouse',
    code: 'warehouse_changed',
    underWay: `SELECT count(*) AS n FROM contents WHERE feed = ? AND ${UNDER_WAY} AND target IS NOT NULL`,
    what: 'manifest lines name files that are not there yet',
    stored: "state = 'stored'",
    release: (feed: string) =>
      `or, where they stay away, run ${typed('ingest-ctl replace-warehouse', 'DIR', '--feed', feed)}`,
  },
  {
    kind: 'manifests',
    code: 'manifests_changed',
    underWay: 'SELECT count(*) AS n FROM appends WHERE feed = ?',
    what: 'planned appends to manifests are not confirmed yet',
    stored: `hour IS NOT NULL AND NOT ${UNDER_WAY}`,
    release: () => 'the record of what was ingested is needed',
  },
] as const;

export function refuseMoved(
  state: Pick<Backend, 'read'>,
  feed: FeedOptions,
  before: string | undefined,
  { kind, code, underWay, what }: (typeof KEPT_WHILE_UNDER_WAY)[number],
): void {
  if (before === undefined || before === feed[kind]) return;
  const { n } = state.read((r) => r.get<{ n: number }>(underWay, feed.name))!;
  if (n === 0) return;
  throw new EnvironmentError(
    code,
    `--${kind} of feed ${feed.name} must stay ${before} until everything is stored, but it is ${feed[kind]} and ${n} ${what}; start with the old one, and change it when nothing is under way. If it was moved there as a whole, run ${typed('ingest-ctl rebuild')}.`,
  );
}

/** `marker`: of the new root, if it has one. `before`: the root with the stored files. */
export function refuseStrange(
  state: Pick<Backend, 'read'>,
  feed: FeedOptions,
  before: { path: string; marker: string | null } | undefined,
  marker: string | undefined,
  { kind, code, stored, release }: (typeof KEPT_WHILE_UNDER_WAY)[number],
): void {
  if (before === undefined || before.marker === null || before.marker === marker) return;
  const some = state.read((r) => r.get(`SELECT 1 FROM contents WHERE feed = ? AND ${stored} LIMIT 1`, feed.name));
  if (some === undefined) return;
  throw new EnvironmentError(
    code,
    `--${kind} of feed ${feed.name} was ${before.path}, and ${feed[kind]} is another one, without the files of what is stored; copy them there together with ${before.path}/.ingest-root (cp -a), or start with the old one; ${release(feed.name)}.`,
  );
}
