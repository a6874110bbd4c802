/**
 * Which filesystem a place is on, and what may be relied on there.
 * Guarantees: what is not in the table is trusted with nothing but being local.
 * Does not: say what is below an overlay or a FUSE mount; nothing can.
 * Source: statfs(2), linux/magic.h.
 */
import { statfsSync } from 'node:fs';
import { type ByteName, bytesOfName } from './names.js';

export interface FsKind {
  name: string;
  /** Others may write here from where our kernel does not see it: no locks, leases or events to rely on, no state. */
  network: boolean;
  /** A refused lease means a writer, a granted one means none. */
  leasesMeaningful: boolean;
  /** syncfs(2) returns when the data is durable, and tells its errors. */
  syncfsHonoured: boolean;
}

const local = (name: string): FsKind => ({ name, network: false, leasesMeaningful: true, syncfsHonoured: true });
/** Leases are the kernel's own there, but nobody has vouched for syncfs. */
const plain = (name: string): FsKind => ({ ...local(name), syncfsHonoured: false });
const remote = (name: string): FsKind => ({ name, network: true, leasesMeaningful: false, syncfsHonoured: false });

const KINDS = new Map<number, FsKind>([
  [0xef53, local('ext4')], // ext2 and ext3 share the number
  [0x58465342, local('xfs')],
  [0x9123683e, local('btrfs')],
  [0xf2f52010, local('f2fs')],
  [0x01021994, local('tmpfs')],
  [0x858458f6, plain('ramfs')],
  [0x2fc12fc1, plain('zfs')],
  [0xca451a4e, plain('bcachefs')],
  [0x4d44, plain('vfat')],
  [0x2011bab0, plain('exfat')],
  [0x7366746e, plain('ntfs3')],
  // A writer below it holds the lower file, and its lease is on ours.
  [0x794c7630, { name: 'overlayfs', network: false, leasesMeaningful: false, syncfsHonoured: false }],
  [0x6969, remote('nfs')],
  [0x517b, remote('smb')],
  [0xff534d42, remote('cifs')],
  [0xfe534d42, remote('smb2')],
  [0x01021997, remote('9p')],
  [0x65735546, remote('fuse')],
  [0x00c36400, remote('ceph')],
  [0x5346414f, remote('afs')],
  [0x0bd00bd0, remote('lustre')],
  [0x47504653, remote('gpfs')],
  [0x01161970, remote('gfs2')],
  [0x7461636f, remote('ocfs2')],
  [0x786f4256, remote('vboxsf')],
]);

/** Asks by a path (symlinks are followed) or a descriptor. Errors: Node's own of `statfs`. */
export function fsKindOf(place: ByteName | number): FsKind {
  const path = typeof place === 'number' ? `/proc/self/fd/${place}` : bytesOfName(place);
  return fsKindOfMagic(statfsSync(path).type >>> 0);
}

export function fsKindOfMagic(magic: number): FsKind {
  const unknown = { name: `0x${magic.toString(16)}`, network: false, leasesMeaningful: false, syncfsHonoured: false };
  return KINDS.get(magic) ?? unknown;
}
