/**
 * Chooses a target that nobody has: not on disk, not reserved by another content, not chosen twice in one batch.
 * Looking at the disk happens before the planning transaction, reserving inside it. A name that is stored leaves the
 * reservations only seconds later, and a look older than that is not trusted: so a name is always seen by one of the two.
 */
import type { Reader, Tx } from '../../queue/backend.js';
import type { FeedFiles } from '../files/feed-files.js';
import { baseOf, folderOf, nthName } from '../files/places.js';
import { type ByteName, joinNames, statAtOrNone } from '../linux/index.js';

/** A look at the warehouse is trusted for so long; reservations of stored contents stay for longer (`RESERVED_FOR_MS`). */
export const LOOK_TRUSTED_MS = 2_000;
export const RESERVED_FOR_MS = 10_000;

/** How far the numbering of a name has come in this process: thousands of files of one name must not each start at 2. */
const numbering = new Map<string, number>();
const NUMBERING_MAX = 10_000;

/** Not on disk now, not reserved, and not yet chosen in `chosen` (which gets it). Errors: as the calls give them. */
export function freeTarget(reader: Reader, files: FeedFiles, wanted: ByteName, chosen: Set<ByteName>): ByteName {
  const folder = folderOf(wanted);
  const whole = `${files.roots.warehouse}/${wanted}`;
  for (let n = 1; ; n = Math.max(n + 1, numbering.get(whole) ?? 0)) {
    const target = joinNames(folder, nthName(baseOf(wanted), n));
    if (chosen.has(target) || isReserved(reader, files.roots.warehouse, target) || isOnDisk(files, target)) {
      if (n > 1 || !numbering.has(whole)) remember(whole, n + 1);
      continue;
    }
    chosen.add(target);
    return target;
  }
}

function isOnDisk(files: FeedFiles, target: ByteName): boolean {
  const entry = files.entryOrNone(files.warehouse, target);
  // A name that is too long for this filesystem is not free: nothing could ever be put there.
  return entry !== undefined && statAtOrNone(entry.dir, entry.name, 'error') !== undefined;
}

export const isReserved = (reader: Reader, warehouse: string, target: ByteName): boolean =>
  reader.get('SELECT 1 FROM reservations WHERE path = ?', numberOf(warehouse, target)) !== undefined;

/** Inside the planning transaction. False: another content has it; look for the next one. */
export const reserve = (tx: Tx, warehouse: string, target: ByteName, content: number): boolean =>
  tx.run('INSERT OR IGNORE INTO reservations VALUES (?, ?)', numberOf(warehouse, target), content).changes === 1;

/** 53 bits of a path: two FNV-1a hashes of 32 bits with different seeds, the second one cut. */
function numberOf(warehouse: string, target: ByteName): number {
  const path = `${warehouse}/${target}`;
  let [low, high] = [0x811c9dc5, 0x1b873593];
  for (let i = 0; i < path.length; i++) {
    const char = path.charCodeAt(i);
    low = Math.imul(low ^ char, 0x01000193);
    high = Math.imul(high ^ char, 0x85ebca6b);
  }
  return (high >>> 11) * 2 ** 32 + (low >>> 0);
}

function remember(wanted: string, next: number): void {
  if (numbering.size >= NUMBERING_MAX) numbering.clear();
  numbering.set(wanted, next);
}

const OLD = `SELECT r.path FROM reservations r JOIN contents c ON c.row = r.content
  WHERE c.state = 'stored' AND c.updated_at_ms < ? LIMIT ?`;

export const hasOldReservations = (reader: Reader): boolean =>
  reader.get(OLD, Date.now() - RESERVED_FOR_MS, 1) !== undefined;

/** Reservations of contents that have been stored for a while: the names are on disk, or a consumer took them. */
export const dropOldReservations = (tx: Tx, max: number): number =>
  tx.run(`DELETE FROM reservations WHERE path IN (${OLD})`, tx.wallMs - RESERVED_FOR_MS, max).changes;
