/**
 * Chooses a target that is free: not on disk, not reserved by another content, not chosen twice in one batch.
 * The disk is checked before the planning transaction, the reservation is made inside it. A check is trusted for a shorter time than
 * the reservation of a stored name stays. So a taken name is seen on the disk or as a reservation. (If the wall clock is set forward
 * at that moment, the move sees it: it replaces nothing.)
 */
import type { Backend, Reader, Tx } from '../../../queue/backend.js';
import { type ByteName, statAtOrNone } from '../../linux/index.js';
import type { FeedFiles } from '../files/feed-files.js';
import { nthTargets, type Targets } from '../outputs/names.js';

/** A check of the warehouse is trusted for this time. Reservations of stored contents stay longer (`RESERVED_FOR_MS`). */
export const CHECK_TRUSTED_MS = 2_000;
export const RESERVED_FOR_MS = 10_000;

/** How far the numbering of a name is in this process. Thousands of files of one name must not each start at 2. */
const numbering = new Map<string, number>();
const NUMBERING_MAX = 10_000;

/**
 * Names of a file and of its outputs, all with the same number, that are not on disk, not reserved, and not in `chosen`. They are added
 * to `chosen`. Errors: those of the system calls.
 */
export function freeTargets(
  reader: Reader,
  files: FeedFiles,
  { wanted, suffixes }: { wanted: ByteName; suffixes: readonly string[] },
  chosen: Set<ByteName>,
): Targets {
  const isTaken = (target: ByteName): boolean =>
    chosen.has(target) || isReserved(reader, files.roots.warehouse, target) || isOnDisk(files, target);
  const whole = `${files.roots.warehouse}/${wanted}`;
  for (let n = 1; ; n = Math.max(n + 1, numbering.get(whole) ?? 0)) {
    const targets = nthTargets(wanted, n, suffixes);
    const all = [targets.target, ...targets.outputs];
    if (all.some(isTaken)) {
      if (n > 1 || !numbering.has(whole)) remember(whole, n + 1);
      continue;
    }
    for (const target of all) chosen.add(target);
    return targets;
  }
}

/** Errors: those of the system calls; one of them is for a name that no file can have. */
export function isOnDisk(files: FeedFiles, target: ByteName): boolean {
  const entry = files.entryOrNone(files.warehouse, target);
  // A name that is too long for this filesystem is not free: no file could ever have it.
  return entry !== undefined && statAtOrNone(entry.dir, entry.name, 'error') !== undefined;
}

export const isReserved = (reader: Reader, warehouse: string, target: ByteName): boolean =>
  reservedFor(reader, warehouse, target) !== undefined;

/** The row of the content that has the path reserved. */
export const reservedFor = (reader: Reader, warehouse: string, target: ByteName): number | undefined =>
  reader.get<{ content: number }>('SELECT content FROM reservations WHERE path = ?', `${warehouse}/${target}`)?.content;

export const dropReservation = (tx: Tx, content: number): void =>
  void tx.run('DELETE FROM reservations WHERE content = ?', content);

/** Runs inside the planning transaction. False: another content has the name, try the next one. */
export const reserve = (tx: Tx, warehouse: string, target: ByteName, content: number): boolean =>
  tx.run('INSERT OR IGNORE INTO reservations VALUES (?, ?)', `${warehouse}/${target}`, content).changes === 1;

/** Reserves all names of a job, or none. */
export function reserveAll(tx: Tx, warehouse: string, targets: readonly ByteName[], content: number): boolean {
  if (targets.every((target) => reserve(tx, warehouse, target, content))) return true;
  dropReservation(tx, content);
  return false;
}

/**
 * Reserves the target of a written line, for a rebuild. The name was free when the line was planned, so a stored content that has it in
 * an older state had left it.
 */
export function reserveForLine(tx: Tx, warehouse: string, target: ByteName, content: number): void {
  tx.run(
    "DELETE FROM reservations WHERE path = ? AND content IN (SELECT row FROM contents WHERE state = 'stored')",
    `${warehouse}/${target}`,
  );
  reserve(tx, warehouse, target, content);
}

function remember(wanted: string, next: number): void {
  if (numbering.size >= NUMBERING_MAX) numbering.clear();
  numbering.set(wanted, next);
}

// The rows of reservations come first: their order does not matter, and for most of them the content is not read.
const OLD = `SELECT r.path FROM reservations r CROSS JOIN contents c ON c.row = r.content
  WHERE r.content <= ? AND c.state = 'stored' AND c.note IS NOT 'withdrawn' AND c.updated_at_ms < ? LIMIT ?`;

/**
 * Finds reservations of contents up to the row `last` that have been stored for a while: the files are on disk, or a consumer took them.
 * A withdrawal keeps its reservation until it ends.
 */
export const oldReservations = (reader: Reader, last: number, max: number): string[] =>
  reader.arrays(OLD, last, Date.now() - RESERVED_FOR_MS, max).map(([path]) => path as string);

/** A reservation that another content has by now stays. */
export const dropReservations = (tx: Tx, paths: readonly string[], last: number): void =>
  void tx.run(
    'DELETE FROM reservations WHERE path IN (SELECT value FROM json_each(?)) AND content <= ?',
    JSON.stringify(paths),
    last,
  );

/** The most reservations that one transaction drops. */
const DROPPED_MAX = 10_000;

/** Forgets old reservations, of this process and of earlier ones. */
export async function forgetReservations(
  backend: Pick<Backend, 'read' | 'transact'>,
  isOver: () => boolean,
): Promise<void> {
  const last = backend.read((reader) => lastMadeBefore(reader, Date.now() - RESERVED_FOR_MS));
  for (let paths: string[]; !isOver(); ) {
    paths = backend.read((reader) => oldReservations(reader, last, DROPPED_MAX));
    if (paths.length > 0) await backend.transact((tx) => dropReservations(tx, paths, last));
    if (paths.length < DROPPED_MAX) return;
  }
}

const FROM = 'SELECT row, created_at_ms FROM contents WHERE row >= ? ORDER BY row LIMIT 1';
const LAST = 'SELECT max(row) FROM contents';

/**
 * Row numbers grow with time, so a binary search finds the first young row, and young rows are not read one by one. If the wall clock
 * was set back meanwhile it finds another row, and some reservations stay longer.
 */
function lastMadeBefore(reader: Reader, wallMs: number): number {
  let [before, to] = [0, (reader.arrays(LAST)[0]![0] as number | null) ?? 0];
  while (before < to) {
    const middle = Math.ceil((before + to) / 2);
    const [row, madeMs] = reader.arrays(FROM, middle)[0] as [number, number];
    if (madeMs < wallMs) before = row;
    else to = middle - 1;
  }
  return before;
}
