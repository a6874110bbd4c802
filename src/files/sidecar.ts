/** What a sidecar says: the SHA-256 that it demands, as `sha256sum` writes it, or nothing. */
import { closeSync, readSync } from 'node:fs';
import { probeLease, type Stat, statFd } from '../linux/index.js';
import type { Entry } from './directories.js';
import { openEntry } from './probe.js';

/** A sidecar is one line; more than this is not read. */
const SIDECAR_BYTES_MAX = 65_536;
const HEX = /^\\?([0-9a-fA-F]{64})(?:\s|$)/m;

export interface SidecarSays {
  /** Lower-case hex; undefined where the sidecar holds none. */
  demanded: string | undefined;
  /** It says something, and that is no SHA-256: a word, an MD5. */
  saysOther?: boolean;
}

/** Reads an open sidecar of `size` bytes. Errors: as the call gives them. */
export function sidecarSays(fd: number, size: number): SidecarSays {
  const buffer = Buffer.alloc(Math.min(size, SIDECAR_BYTES_MAX));
  const n = buffer.length === 0 ? 0 : readSync(fd, buffer, 0, buffer.length, 0);
  const text = buffer.toString('latin1', 0, n);
  const demanded = HEX.exec(text)?.[1]?.toLowerCase();
  const saysOther = demanded === undefined && text.trim() !== '';
  return { demanded, ...(saysOther && { saysOther }) };
}

/**
 * For a file whose stat is `file`; undefined where it is missing, somebody writes it, it is not as most sidecars are, or it is older
 * than its file and not `mayBeOlder`.
 */
export function plainSidecar(
  entry: Entry,
  leasesOn: number,
  { mayBeOlder }: { mayBeOlder: boolean },
  file: Stat,
): SidecarSays | undefined {
  const { fd } = openEntry(entry);
  if (fd === undefined) return undefined;
  try {
    const isFree = probeLease(fd) === 'free';
    const { kind, nlink, dev, size, ctimeNs } = statFd(fd);
    if (!isFree || kind !== 'file' || nlink !== 1 || dev !== leasesOn) return undefined;
    return mayBeOlder || ctimeNs >= file.ctimeNs ? sidecarSays(fd, size) : undefined;
  } finally {
    closeSync(fd);
  }
}
