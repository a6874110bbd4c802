/**
 * Reads the sidecar `NAME.ok`: is it there, is somebody still writing it, and what does it say (src/ingest/rules/checksum.ts)?
 * `sha256sum x > x.ok` leaves it empty and open while it hashes, so an open sidecar says nothing yet.
 * Guarantees: an unreadable sidecar is reported as unreadable, never treated as one without a checksum.
 */
import { closeSync, readSync } from 'node:fs';
import type { Entry } from '../../files/directories.js';
import { errnoOf } from '../../files/place-error.js';
import { type FsKinds, openEntry, probeFd } from '../../files/probe.js';
import { type ByteName, nameOfText } from '../../linux/names.js';
import { type Checksum, checksumIn } from '../rules/checksum.js';
import type { SidecarSeen } from '../rules/completion.js';

/** The path of the sidecar of a file. */
export const sidecarOf = (path: ByteName, { sidecarSuffix }: { sidecarSuffix: string }): ByteName =>
  (path + nameOfText(sidecarSuffix)) as ByteName;

/** Longer ones are not read: no list of checksums that is meant for one file is so long. */
const SIDECAR_BYTES_MAX = 1_048_576;

export interface SidecarRead {
  seen: SidecarSeen;
  checksum: Checksum;
  /** The kernel could not say whether somebody is writing it. */
  mayChange?: true;
}

export const NO_SIDECAR: SidecarRead = { seen: { kind: 'missing' }, checksum: { kind: 'nothing' } };

/** Errors: those of the system calls. */
function checksumOf(fd: number, size: number, path: ByteName): Checksum {
  if (size > SIDECAR_BYTES_MAX) return { kind: 'unclear' };
  const buffer = Buffer.alloc(size);
  const n = size === 0 ? 0 : readSync(fd, buffer, 0, size, 0);
  return checksumIn(buffer.subarray(0, n), path);
}

/** `path`: the file that it belongs to. */
export function readSidecar(entry: Entry | undefined, path: ByteName, kinds: FsKinds): SidecarRead {
  if (!entry) return NO_SIDECAR;
  const opened = openEntry(entry);
  if (opened.fd === undefined) {
    // Its writer has a lease on it: not finished.
    if (opened.code === 'EAGAIN') return { ...NO_SIDECAR, seen: { kind: 'open' } };
    // Anything else that cannot be opened counts as no sidecar.
    return UNREADABLE.has(opened.code) ? unreadable(opened.code) : NO_SIDECAR;
  }
  try {
    const { stat, writer } = probeFd(opened.fd, kinds);
    if (stat.kind !== 'file') return NO_SIDECAR;
    if (writer === 'writer') return { ...NO_SIDECAR, seen: { kind: 'open' } };
    const checksum = checksumOf(opened.fd, stat.size, path);
    const seen = { kind: 'there', ctimeNs: stat.ctimeNs, hasChecksum: checksum.kind === 'sha256' } as const;
    return { seen, checksum, ...(writer === 'unknown' && { mayChange: true }) };
  } catch (error) {
    const code = errnoOf(error);
    if (code === undefined || !UNREADABLE.has(code)) throw error;
    return unreadable(code);
  } finally {
    closeSync(opened.fd);
  }
}

export const isUnread = ({ seen }: SidecarRead): boolean => seen.kind === 'open' || seen.kind === 'unreadable';

const UNREADABLE = new Set(['EACCES', 'EPERM', 'EIO']);
const unreadable = (code: string): SidecarRead => ({ ...NO_SIDECAR, seen: { kind: 'unreadable', code } });
