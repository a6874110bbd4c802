/**
 * The kind of a filesystem, and what can be relied on there.
 * Guarantees: a filesystem that is not in the table counts as local, and nothing else of it is relied on.
 * Does not: see what is below an overlay or a FUSE mount; nothing can. Source: statfs(2), linux/magic.h.
 */
import { statfsSync } from 'node:fs';
import { type ByteName, bytesOfName } from './names.js';

export interface FsKind {
  name: string;
  /**
   * Other machines may write here without our kernel seeing it. Locks, leases and events cannot be relied on, and no
   * state may be here.
   */
  network: boolean;
  /** A refused lease means that there is a writer; a granted lease means that there is none. */
  leasesMeaningful: boolean;
  /** A reboot empties it. */
  inMemory?: true;
  /** syncfs(2) returns when the data is durable, and returns its errors. */
  syncfsHonoured: boolean;
}

const local = (name: string): FsKind => ({ name, network: false, leasesMeaningful: true, syncfsHonoured: true });
/** Leases work, because the kernel implements them, but nobody has confirmed syncfs. */
const plain = (name: string): FsKind => ({ ...local(name), syncfsHonoured: false });
const inMemory = (kind: FsKind): FsKind => ({ ...kind, inMemory: true });
const remote = (name: string): FsKind => ({ name, network: true, leasesMeaningful: false, syncfsHonoured: false });

const KINDS = new Map<number, FsKind>([
  [0xef53, local('ext4')], // ext2 and ext3 have the same number
  [0x58465342, local('xfs')],
  [0x9123683e, local('btrfs')],
  [0xf2f52010, local('f2fs')],
  [0x01021994, inMemory(local('tmpfs'))],
  [0x858458f6, inMemory(plain('ramfs'))],
  [0x2fc12fc1, plain('zfs')],
  [0xca451a4e, plain('bcachefs')],
  [0x4d44, plain('vfat')],
  [0x2011bab0, plain('exfat')],
  [0x7366746e, plain('ntfs3')],
  // A writer opens the file of the layer below, but our lease is on the overlay's file.
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

/** Takes a path (symlinks are followed) or a descriptor. Errors: Node's own errors of `statfs`. */
export function fsKindOf(place: ByteName | number): FsKind {
  const path = typeof place === 'number' ? `/proc/self/fd/${place}` : bytesOfName(place);
  return fsKindOfMagic(statfsSync(path).type >>> 0);
}

export function fsKindOfMagic(magic: number): FsKind {
  const unknown = { name: `0x${magic.toString(16)}`, network: false, leasesMeaningful: false, syncfsHonoured: false };
  return KINDS.get(magic) ?? unknown;
}
