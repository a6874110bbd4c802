/** Reads warehouse files again. A digest counts only if the file had the same identity before and after it was read. */
import { closeSync } from 'node:fs';
import { pages } from '../../base/pages.js';
import { digestWhole } from '../../files/digest.js';
import { errnoOf, unlessRefused } from '../../files/place-error.js';
import { identityOf } from '../../ingest/rules/identity.js';
import { AT_FDCWD, nameOfBytes, openData, statFd } from '../../linux/index.js';
import type { AuditNotes } from './notes.js';

const PAGE = 500;

export interface ToRead {
  path: Buffer;
  size: number;
  identity: string;
}

/** Reads every noted regular file, and reports each. `wanted` is an SQL condition on `files`. */
export async function digestAll(
  notes: AuditNotes,
  wanted: string,
  report: (file: ToRead, isRead: boolean) => void,
): Promise<void> {
  const sql = `SELECT path, size, identity FROM files WHERE path > ? AND kind = 'file' AND ${wanted} ORDER BY path LIMIT ${PAGE}`;
  for (const page of pages<ToRead>((last) => notes.all(sql, last?.path ?? Buffer.alloc(0))))
    for (const file of page) report(file, (await digestFor(notes, file)) !== undefined);
}

/** Reads and notes one file. Undefined if it cannot be read, or changes meanwhile. */
export async function digestFor(notes: AuditNotes, file: ToRead): Promise<Buffer | undefined> {
  const sha256 = await digestOf(file);
  if (sha256 !== undefined) notes.run('UPDATE files SET sha256 = ? WHERE path = ?', sha256, file.path);
  return sha256;
}

async function digestOf({ path, identity }: ToRead): Promise<Buffer | undefined> {
  const fd = unlessRefused(() => openData(AT_FDCWD, nameOfBytes(path)));
  if (fd === undefined) return undefined;
  try {
    const stat = statFd(fd);
    if (stat.kind !== 'file') return undefined;
    const { sha256, bytes } = await digestWhole(fd, stat.size);
    return bytes === stat.size && identityOf(statFd(fd)) === identity ? sha256 : undefined;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined; // A bad sector: reported as unreadable.
  } finally {
    closeSync(fd);
  }
}
