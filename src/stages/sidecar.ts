/**
 * The sidecar `NAME.ok`: is it there, is somebody still writing it, which SHA-256 does it demand.
 * `sha256sum x > x.ok` leaves it empty and open for the whole hash, so an open sidecar says nothing yet.
 */
import { closeSync, readSync } from 'node:fs';
import type { Entry } from '../files/directories.js';
import { statEntry } from '../files/feed-files.js';
import { identityOf } from '../files/identity.js';
import { type FsKinds, openEntry, probeFd } from '../files/probe.js';
import type { ByteName, Stat } from '../linux/index.js';
import type { SidecarSeen } from './completion.js';
import type { Batch } from './stage.js';

/** A sidecar is one line; more than this is not read. */
const SIDECAR_BYTES_MAX = 65_536;
const HEX = /^\\?([0-9a-fA-F]{64})(?:\s|$)/m;

export interface SidecarRead {
  seen: SidecarSeen;
  /** Lower-case hex; undefined where the sidecar holds none. */
  demanded: string | undefined;
}

export const NO_SIDECAR: SidecarRead = { seen: { kind: 'missing' }, demanded: undefined };

export function readSidecar(entry: Entry | undefined, kinds: FsKinds): SidecarRead {
  if (!entry) return NO_SIDECAR;
  const opened = openEntry(entry);
  // Held by a lease of its writer: not finished. Everything else that cannot be opened is no sidecar.
  if (opened.fd === undefined) return opened.code === 'EAGAIN' ? { ...NO_SIDECAR, seen: { kind: 'open' } } : NO_SIDECAR;
  try {
    const { stat, writer } = probeFd(opened.fd, kinds);
    if (stat.kind !== 'file') return NO_SIDECAR;
    if (writer === 'writer') return { ...NO_SIDECAR, seen: { kind: 'open' } };
    const buffer = Buffer.alloc(Math.min(stat.size, SIDECAR_BYTES_MAX));
    const n = buffer.length === 0 ? 0 : readSync(opened.fd, buffer, 0, buffer.length, 0);
    const demanded = HEX.exec(buffer.toString('latin1', 0, n))?.[1]?.toLowerCase();
    return { seen: { kind: 'there', ctimeNs: stat.ctimeNs }, demanded };
  } finally {
    closeSync(opened.fd);
  }
}

/** As the producer computes it, so that its next scan finds the row unchanged. */
export function candidateIdentity(batch: Batch, stat: Stat, entry: Entry): string {
  if (batch.feed.mode !== 'sidecar') return identityOf(stat);
  return identityOf(
    stat,
    statEntry({ dir: entry.dir, name: (entry.name + batch.feed.sidecarSuffix) as ByteName }) ?? null,
  );
}
