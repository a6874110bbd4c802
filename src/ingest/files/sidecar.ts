/**
 * Reads the sidecar `NAME.ok`: is it there, is somebody still writing it, and which SHA-256 does it demand (as `sha256sum` writes it)?
 * `sha256sum x > x.ok` leaves it empty and open while it hashes, so an open sidecar says nothing yet.
 * Guarantees: an unreadable sidecar is reported as unreadable, never treated as one without a checksum.
 */
import { closeSync, readSync } from 'node:fs';
import type { Entry } from '../../files/directories.js';
import { errnoOf } from '../../files/place-error.js';
import { type FsKinds, openEntry, probeFd } from '../../files/probe.js';
import type { SidecarSeen } from '../rules/completion.js';

/** A sidecar is one line. No more than this is read. */
const SIDECAR_BYTES_MAX = 65_536;
const HEX = /^\\?([0-9a-fA-F]{64})(?:\s|$)/m;

export interface SidecarSays {
  /** Lower-case hex; undefined where the sidecar has no SHA-256. */
  demanded: string | undefined;
  /** It has text that is no SHA-256: a word, an MD5. */
  saysOther?: boolean;
}

/** Reads an open sidecar of `size` bytes. Errors: those of the system calls. */
function sidecarSays(fd: number, size: number): SidecarSays {
  const buffer = Buffer.alloc(Math.min(size, SIDECAR_BYTES_MAX));
  const n = buffer.length === 0 ? 0 : readSync(fd, buffer, 0, buffer.length, 0);
  const text = buffer.toString('latin1', 0, n);
  const demanded = HEX.exec(text)?.[1]?.toLowerCase();
  const saysOther = demanded === undefined && text.trim() !== '';
  return { demanded, ...(saysOther && { saysOther }) };
}

export interface SidecarRead extends SidecarSays {
  seen: SidecarSeen;
}

export const NO_SIDECAR: SidecarRead = { seen: { kind: 'missing' }, demanded: undefined };

export function readSidecar(entry: Entry | undefined, kinds: FsKinds): SidecarRead {
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
    const says = sidecarSays(opened.fd, stat.size);
    return { seen: { kind: 'there', ctimeNs: stat.ctimeNs, hasChecksum: says.demanded !== undefined }, ...says };
  } catch (error) {
    const code = errnoOf(error);
    if (code === undefined || !UNREADABLE.has(code)) throw error;
    return unreadable(code);
  } finally {
    closeSync(opened.fd);
  }
}

const UNREADABLE = new Set(['EACCES', 'EPERM', 'EIO']);
const unreadable = (code: string): SidecarRead => ({ ...NO_SIDECAR, seen: { kind: 'unreadable', code } });
