/**
 * The sidecar `NAME.ok`: is it there, is somebody still writing it, which SHA-256 does it demand.
 * `sha256sum x > x.ok` leaves it empty and open for the whole hash, so an open sidecar says nothing yet.
 * Guarantees: one that cannot be read is told as such, and never taken for one without a checksum.
 */
import { closeSync } from 'node:fs';
import type { Entry } from '../files/directories.js';
import { statEntry } from '../files/feed-files.js';
import { identityOf } from '../files/identity.js';
import { errnoOf } from '../files/place-error.js';
import { type FsKinds, openEntry, probeFd } from '../files/probe.js';
import { type SidecarSays, sidecarSays } from '../files/sidecar.js';
import type { ByteName, Stat } from '../linux/index.js';
import type { SidecarSeen } from './completion.js';
import type { Batch } from './stage.js';

export interface SidecarRead extends SidecarSays {
  seen: SidecarSeen;
}

export const NO_SIDECAR: SidecarRead = { seen: { kind: 'missing' }, demanded: undefined };

export function readSidecar(entry: Entry | undefined, kinds: FsKinds): SidecarRead {
  if (!entry) return NO_SIDECAR;
  const opened = openEntry(entry);
  if (opened.fd === undefined) {
    // Held by a lease of its writer: not finished.
    if (opened.code === 'EAGAIN') return { ...NO_SIDECAR, seen: { kind: 'open' } };
    // Everything else that cannot be opened is no sidecar.
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

/** As the producer computes it, so that its next scan finds the row unchanged. */
export function candidateIdentity(batch: Batch, stat: Stat, entry: Entry): string {
  if (batch.feed.mode !== 'sidecar') return identityOf(stat);
  return identityOf(
    stat,
    statEntry({ dir: entry.dir, name: (entry.name + batch.feed.sidecarSuffix) as ByteName }) ?? null,
  );
}
