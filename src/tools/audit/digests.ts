/** Reads warehouse files again. A digest counts only if the file had the same identity before and after it was read. */
import { pages } from '../../base/pages.js';
import { digestAt } from '../../files/digest.js';
import { AT_FDCWD, nameOfBytes } from '../../linux/index.js';
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
  const { path, size, identity } = file;
  const sha256 = await digestAt({ dir: AT_FDCWD, name: nameOfBytes(path) }, { size, version: identity });
  if (sha256 !== undefined) notes.run('UPDATE files SET sha256 = ? WHERE path = ?', sha256, path);
  return sha256;
}
