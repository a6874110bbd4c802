/**
 * Reads warehouse files again. Each digest is noted with the file's identity before and after reading. A continued audit reads a
 * file again only if its identity has changed.
 */
import { closeSync } from 'node:fs';
import { type Digest, digestLarge, digestSmall, SMALL_BYTES } from '../../files/digest.js';
import { errnoOf } from '../../files/place-error.js';
import { identityOf } from '../../ingest/rules/identity.js';
import { AT_FDCWD, nameOfBytes, openData, statFd } from '../../linux/index.js';
import type { AuditNotes } from './notes.js';

const PAGE = 500;
/** Large files are noted one by one, small ones together. */
const NOTED_BYTES = 64 << 20;

export interface ToRead {
  path: Buffer;
  size: number;
  identity: string;
}

/** Reads every noted regular file. `wanted` is an SQL condition on `files`. */
export async function digestAll(
  notes: AuditNotes,
  wanted: string,
  report: (read: number, bytes: number, resumed: { files: number; bytes: number }) => void,
): Promise<void> {
  const sql = `SELECT path, size, identity FROM files WHERE path > ? AND kind = 'file' AND ${wanted} ORDER BY path LIMIT ${PAGE}`;
  for (let after: Buffer = Buffer.alloc(0); ; ) {
    const page = notes.all<ToRead>(sql, after);
    if (page.length === 0) return;
    let read: [ToRead, Buffer][] = [];
    let bytes = 0;
    let resumed = { files: 0, bytes: 0 };
    let unnoted = 0;
    const enter = (): void => {
      notes.together(() => {
        for (const [file, sha256] of read) note(notes, file, sha256);
      });
      report(read.length - resumed.files, bytes, resumed);
      read = [];
      resumed = { files: 0, bytes: 0 };
      bytes = unnoted = 0;
    };
    for (const file of page) {
      const known = knownDigest(notes, file);
      const sha256 = known ?? (await digestOf(file));
      if (sha256 !== undefined) read.push([file, sha256]);
      if (!known) bytes += file.size;
      else resumed = { files: resumed.files + 1, bytes: resumed.bytes + file.size };
      unnoted += file.size;
      if (unnoted >= NOTED_BYTES) enter();
    }
    enter();
    after = page.at(-1)!.path;
  }
}

/** Returns the SHA-256 of one file, and reads it if needed. Undefined if it cannot be read, or changes meanwhile. */
export async function digestFor(notes: AuditNotes, file: ToRead): Promise<Buffer | undefined> {
  const sha256 = knownDigest(notes, file) ?? (await digestOf(file));
  if (sha256 !== undefined) notes.together(() => note(notes, file, sha256));
  return sha256;
}

const knownDigest = (notes: AuditNotes, { path, identity }: ToRead): Buffer | undefined =>
  notes.get<{ sha256: Buffer }>('SELECT sha256 FROM digests WHERE path = ? AND identity = ?', path, identity)?.sha256;

function note(notes: AuditNotes, { path, identity }: ToRead, sha256: Buffer): void {
  notes.run('INSERT OR REPLACE INTO digests VALUES (?, ?, ?)', path, identity, sha256);
  notes.run('UPDATE files SET sha256 = ? WHERE path = ?', sha256, path);
}

async function digestOf({ path, identity }: ToRead): Promise<Buffer | undefined> {
  let fd: number;
  try {
    fd = openData(AT_FDCWD, nameOfBytes(path));
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
  try {
    const stat = statFd(fd);
    if (stat.kind !== 'file') return undefined;
    const { sha256, bytes }: Digest = stat.size <= SMALL_BYTES ? digestSmall(fd) : await digestLarge(fd);
    return bytes === stat.size && identityOf(statFd(fd)) === identity ? sha256 : undefined;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined; // A bad sector: reported as unreadable.
  } finally {
    closeSync(fd);
  }
}
