/**
 * The identity of one version of a file: device, inode, size, mtime and ctime in ns. In sidecar mode also the sidecar's inode
 * and ctime, so that a sidecar that arrives or changes gives the file a new identity.
 * (device, inode) alone is not enough: ext4 gives a freed inode number to the next file at once.
 */
import type { FileIdentity } from './facts.js';

/** The part of a stat that makes an identity; 64-bit values stay exact. */
export interface IdentityStat {
  dev: bigint | number;
  ino: bigint | number;
  size: bigint | number;
  mtimeNs: bigint;
  ctimeNs: bigint;
  /** The same values as text, if the caller has it already. */
  version?: string;
}

export interface ParsedIdentity {
  dev: bigint;
  ino: bigint;
  size: bigint;
  mtimeNs: bigint;
  ctimeNs: bigint;
  /** undefined: not in sidecar mode. null: there was no sidecar. */
  sidecar: { ino: bigint; ctimeNs: bigint } | null | undefined;
}

/** `DEV:INO:SIZE:MTIME_NS:CTIME_NS`, followed by `+SIDECAR_INO:SIDECAR_CTIME_NS` or `+none` in sidecar mode. */
export function identityOf(stat: IdentityStat, sidecar?: Pick<IdentityStat, 'ino' | 'ctimeNs'> | null): FileIdentity {
  const file = stat.version ?? `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`;
  if (sidecar === undefined) return file;
  return sidecar === null ? `${file}+none` : `${file}+${sidecar.ino}:${sidecar.ctimeNs}`;
}

const SHAPE = /^(\d+):(\d+):(\d+):(-?\d+):(-?\d+)(?:\+(?:(none)|(\d+):(-?\d+)))?$/;

/** The parts of an identity; undefined where the text is not one. */
export function parseIdentity(identity: string): ParsedIdentity | undefined {
  const parts = SHAPE.exec(identity);
  if (parts === null) return undefined;
  const [dev, ino, size, mtimeNs, ctimeNs] = parts.slice(1, 6).map(BigInt) as [bigint, bigint, bigint, bigint, bigint];
  const [none, sidecarIno, sidecarCtime] = parts.slice(6);
  const sidecar =
    none !== undefined
      ? null
      : sidecarIno === undefined
        ? undefined
        : { ino: BigInt(sidecarIno), ctimeNs: BigInt(sidecarCtime!) };
  return { dev, ino, size, mtimeNs, ctimeNs, sidecar };
}

/**
 * The size as the queue counts it. A sparse file may have exabytes, and sums of more than 2^63 are refused by the database: two million
 * such files fit. The identity has the true size.
 */
export const countedBytes = (size: number): number => Math.min(size, 2 ** 42);
