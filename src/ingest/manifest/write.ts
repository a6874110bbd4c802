/**
 * Appends lines to one manifest file, or corrections that are owed to the file of their hour: checks its end, plans in one transaction,
 * writes, confirms.
 * If another append is open on the file, it is finished first when its owner is dead. A living owner is waited for.
 */
import type { Backend, Tx } from '../../../queue/backend.js';
import type { Emit } from '../../base/telemetry/emit.js';
import type { Directories } from '../../files/directories.js';
import { errnoOf, inPlace, inPlaceAsync } from '../../files/place-error.js';
import { type ByteName, withFd } from '../../linux/index.js';
import { type Append, correctionsPath, type End, type Lines, openManifest, planAppend, readEnd } from './append.js';
import { finishAppend, isOrphan, takeOver } from './finish.js';
import { writingTurns } from './turns.js';

export interface ManifestFile {
  backend: Backend;
  emit: Emit;
  feed: string;
  /** The path of the root, for messages and for the row. */
  manifests: string;
  root: Directories;
  /** Relative to the root. */
  path: ByteName;
}

/** `leased`: somebody has a read lease on the file (an NFS or SMB server). The kernel asks for it back. */
export type Written = 'written' | 'nothing' | 'busy' | 'leased' | 'stale';
/** The result for an append that was found open. */
export type Finished = 'finished' | 'busy' | 'leased';

/**
 * `plan` runs inside the planning transaction, does the caller's own writes there (targets, states) and returns the lines.
 * It does not run when the file is busy or has changed since it was checked.
 */
export function appendTo(file: ManifestFile, plan: (tx: Tx) => Lines): Promise<Written> {
  const name = fileName(file);
  return writingTurns.during(name, () => unlessLeased(() => planAndWrite(file, name, plan)));
}

/** A lease lets others read, and ends within seconds. The planned append has no owner then (finish.ts). */
async function unlessLeased<T>(act: () => Promise<T>): Promise<T | 'leased'> {
  try {
    return await act();
  } catch (error) {
    if (errnoOf(error) !== 'EAGAIN') throw error;
    return 'leased';
  }
}

async function planAndWrite(file: ManifestFile, name: string, plan: (tx: Tx) => Lines): Promise<Written> {
  const end = endOf(file);
  const at = { feed: file.feed, file: name, owner: file.backend.owner };
  const planned = await file.backend.transact((tx) => planAppend(tx, at, end, plan));
  if (typeof planned === 'string') return planned;
  if ('busy' in planned) {
    const found = await finishFound(file, planned.busy);
    return found === 'finished' ? 'stale' : found;
  }
  reportForeign(file, name, end);
  await finish(file, planned.append);
  return 'written';
}

/** Finishes an append that is open on the file, unless a living process does. */
export const finishOpen = (file: ManifestFile, open: Append): Promise<Finished> =>
  writingTurns.during(fileName(file), () => unlessLeased(() => finishFound(file, open)));

async function finishFound(file: ManifestFile, open: Append): Promise<Finished> {
  if (!isOrphan(file.backend, open)) return 'busy';
  if (await takeOver(file.backend, open)) await finish(file, { ...open, owner: file.backend.owner });
  return 'finished';
}

const finish = (file: ManifestFile, append: Append): Promise<void> =>
  // An error of one manifest concerns every file of the hour, so it costs no file an attempt.
  inPlaceAsync('manifests', file.manifests, 'root', () =>
    finishAppend(file.backend, file.emit, file.root, file.path, append),
  );

export const fileName = (file: Pick<ManifestFile, 'manifests' | 'path'>): string => `${file.manifests}/${file.path}`;

/** Errors: PlaceError. */
export function endOf(file: ManifestFile): End {
  return inPlace('manifests', file.manifests, 'root', () =>
    withFd(openManifest(file.root, file.path), (fd) => readEnd(file.backend, fileName(file), fd)),
  );
}

/** Foreign bytes are kept and logged. Bytes that somebody removed are not written again. */
function reportForeign(file: ManifestFile, name: string, end: End): void {
  if (end.known === undefined || end.known === end.size) return;
  const event = end.size > end.known ? 'manifest_foreign_lines' : 'manifest_truncated';
  file.emit(event, { feed: file.feed, file: name, ours_end: end.known, found_end: end.size });
}

/** `jobs`: the jobs of that hour. A correction that is written meanwhile is left out. */
export function writeCorrections(
  manifests: Omit<ManifestFile, 'path'>,
  hour: string,
  jobs: readonly string[],
): Promise<Written> {
  const path: ByteName = correctionsPath(hour);
  return appendTo({ ...manifests, path }, (tx) => {
    const ids: string[] = [];
    let lines = '';
    for (const job of jobs) {
      const row = tx.get<{ line: string }>('SELECT line FROM corrections WHERE job = ?', job);
      if (!row) continue;
      lines += row.line;
      ids.push(job);
    }
    return ids.length > 0 ? { lines, items: { rows: [], jobs: ids } } : undefined;
  });
}
