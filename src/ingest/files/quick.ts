/**
 * The plain way of a small file, call after call with nothing in between: sealed and hashed, or moved to its target. A
 * thousand files in one loop take half the time that they take one by one among everything else that a stage does for each.
 * Guarantees: each file meets the calls that the stages make, in their order (src/ingest/stages/seal.ts, hash.ts, move.ts say why);
 * wherever anything is not as in most of them, the file is left as it is then, and its answer is undefined: the stage's own
 * handling finds it wherever it lies, as after a crash.
 * Does not: sync, settle or tell; know a job. Runs in the main thread or in src/ingest/files/quick-thread.ts.
 */
import { closeSync } from 'node:fs';
import { digestSmall, SMALL_BYTES } from '../../files/digest.js';
import { Directories, type Entry } from '../../files/directories.js';
import { folderOf } from '../../files/places.js';
import { openEntry } from '../../files/probe.js';
import {
  type ByteName,
  LinuxError,
  nameOfText,
  openDirectory,
  probeLease,
  renameNoReplace,
  type Stat,
  statAt,
  statAtOrNone,
  statFd,
} from '../../linux/index.js';
import { hasPartialSign, sameBytes, unchanged } from '../rules/verified.js';
import { plainSidecar, type SidecarSays } from './sidecar.js';

export interface SealOrder {
  kind: 'seal';
  /** Descriptors of the roots, open until the answer. */
  input: number;
  work: number;
  /** The device on which a lease says that nobody writes. */
  leasesOn: number;
  bytesMin: number;
  bytesMax: number;
  files: readonly FileToSeal[];
}

export interface FileToSeal {
  /** Below the input. */
  path: ByteName;
  /** Below the work directory. */
  sealed: ByteName;
  /** Its identity as it was seen over its whole window. */
  seen: string;
  /** Where the feed has sidecars: without one, the file is left as it is. */
  sidecar?: SidecarToSeal;
}

export interface SidecarToSeal {
  /** Below the input and below the work directory. */
  path: ByteName;
  sealed: ByteName;
  /** The window of its file is over: then it may be the older one of the two. */
  mayBeOlder: boolean;
}

export interface QuickSealed {
  /** The sealed file's, after it was read. */
  identity: string;
  size: number;
  sha256: string;
  sidecar?: SidecarSays;
}

export interface MoveOrder {
  kind: 'move';
  work: number;
  warehouse: number;
  files: readonly FileToMove[];
}

export interface FileToMove {
  /** Below the work directory. */
  sealed: ByteName;
  /** Below the warehouse; its folder is there. */
  target: ByteName;
  /** As it was hashed. */
  identity: string;
}

/** Which names are free below a warehouse. */
export interface LookOrder {
  kind: 'look';
  warehouse: number;
  files: readonly ByteName[];
}

export type QuickOrder = SealOrder | LookOrder | MoveOrder;
/** One a file, in their order. */
export type QuickAnswer<O extends QuickOrder> = (O extends SealOrder ? QuickSealed : true) | undefined;

const HERE = nameOfText('.');

/** `beginning`: called with the number of each file before its first call. */
export function runQuick<O extends QuickOrder>(order: O, beginning: (file: number) => void): QuickAnswer<O>[];
export function runQuick(order: QuickOrder, beginning: (file: number) => void): QuickAnswer<QuickOrder>[] {
  const opened: Directories[] = [];
  const below = (root: number): Directories => {
    const directories = new Directories(openDirectory(root, HERE));
    opened.push(directories);
    return directories;
  };
  try {
    const act = actOf(order, below);
    return order.files.map((_, i) => {
      beginning(i);
      return unlessRefused(() => act(i));
    });
  } finally {
    for (const directories of opened) directories.close();
  }
}

function actOf(order: QuickOrder, below: (root: number) => Directories): (file: number) => QuickAnswer<QuickOrder> {
  switch (order.kind) {
    case 'seal': {
      const [input, work] = [below(order.input), below(order.work)];
      return (i) => sealOne(order, order.files[i]!, input, work);
    }
    case 'look': {
      const warehouse = below(order.warehouse);
      const missing = new Set<ByteName>();
      return (i) => isFree(order.files[i]!, warehouse, missing);
    }
    case 'move': {
      const [work, warehouse] = [below(order.work), below(order.warehouse)];
      return (i) => moveOne(order.files[i]!, work, warehouse);
    }
  }
}

/** Undefined where a call was refused. Whoever handles the file by itself meets that again, and reports it. */
function unlessRefused<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (error instanceof LinuxError || (error as NodeJS.ErrnoException).syscall !== undefined) return undefined;
    throw error;
  }
}

function sealOne(order: SealOrder, file: FileToSeal, input: Directories, work: Directories): QuickSealed | undefined {
  const from = input.entry(file.path);
  const verified = statAt(from.dir, from.name);
  if (!isPlain(order, verified) || !unchanged(file.seen, verified)) return undefined;
  const sidecar = file.sidecar && plainSidecar(input.entry(file.sidecar.path), order.leasesOn, file.sidecar, verified);
  if (file.sidecar && !sidecar) return undefined;
  const { fd } = openEntry(from);
  if (fd === undefined) return undefined;
  try {
    if (probeLease(fd) !== 'free' || statFd(fd).version !== verified.version) return undefined;
    if (file.sidecar) relocate(input.entry(file.sidecar.path), work.entry(file.sidecar.sealed));
    const to = work.entry(file.sealed);
    relocate(from, to);
    if (probeLease(fd) !== 'free') return undefined;
    const sealed = statAt(to.dir, to.name);
    if (sealed.dev !== verified.dev || !isPlain(order, sealed) || !sameBytes(verified.version, sealed))
      return undefined;
    const digest = digestSmall(fd, sealed.size);
    if (probeLease(fd) !== 'free') return undefined;
    const after = statFd(fd);
    if (!isPlain(order, after) || !sameBytes(sealed.version, after) || digest.bytes !== sealed.size) return undefined;
    const hashed = { identity: after.version, size: after.size, sha256: digest.sha256.toString('hex') };
    return sidecar ? { ...hashed, sidecar } : hashed;
  } finally {
    closeSync(fd);
  }
}

const relocate = (from: Entry, to: Entry): void => renameNoReplace(from.dir, from.name, to.dir, to.name);

/** Small, with one name, on a filesystem whose leases tell of writers. An empty file may be held, so it is not. */
const isPlain = ({ leasesOn, bytesMin, bytesMax }: SealOrder, stat: Stat): boolean =>
  stat.kind === 'file' &&
  stat.nlink === 1 &&
  stat.dev === leasesOn &&
  stat.size > 0 &&
  stat.size >= bytesMin &&
  stat.size <= Math.min(bytesMax, SMALL_BYTES) &&
  !hasPartialSign(stat);

/** Where a folder on the way is missing, all below it is free: it is `missing` for the whole order. */
function isFree(target: ByteName, warehouse: Directories, missing: Set<ByteName>): true | undefined {
  const folder = folderOf(target);
  if (missing.has(folder)) return true;
  try {
    const { dir, name } = warehouse.entry(target);
    return statAtOrNone(dir, name, 'error') === undefined ? true : undefined;
  } catch (error) {
    if (!(error instanceof LinuxError) || error.code !== 'ENOENT') throw error;
    missing.add(folder);
    return true;
  }
}

function moveOne(file: FileToMove, work: Directories, warehouse: Directories): true | undefined {
  const from = work.entry(file.sealed);
  if (!sameBytes(file.identity, statAt(from.dir, from.name))) return undefined;
  relocate(from, warehouse.entry(file.target));
  return true;
}
