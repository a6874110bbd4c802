/**
 * Seals a file: checks it, applies the filters and the completion rule, opens it and asks for writers. Then it renames the sidecar,
 * reads that again, renames the file into `underprocess/` too, and asks for writers again.
 * Guarantees: a sealed and quiet file is the one that was seen unchanged over its whole window, and nobody writes it. Any other
 * sealed file waits for a window in `underprocess/` before it is hashed.
 * Does not: keep the lease across the rename. An opener that waits for the lease would get the sealed inode afterwards (1,083 of
 * 1,500 under attack). Does not sync: the caller does, before it commits the answer.
 */
import { accessSync, constants } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { Entry } from '../../files/directories.js';
import { folderOf, type Part, UNDERPROCESS } from '../../files/job-paths.js';
import { isInMountRoot, mountOf } from '../../files/mounts.js';
import { deliver, type RenameResult } from '../../files/moves.js';
import { inPlace, PlaceError } from '../../files/place-error.js';
import { openEntry, type Probe, probeFd, probeNamed } from '../../files/probe.js';
import { type ByteName, LinuxError, nameOfText, type Stat, withFd } from '../../linux/index.js';
import { type FeedFiles, type MountUnusable, ofItsMount, statEntry } from '../files/feed-files.js';
import { isUnread, NO_SIDECAR, readSidecar, type SidecarRead, sidecarOf } from '../files/sidecar.js';
import { bringOn, take } from '../files/take.js';
import { completion } from '../rules/completion.js';
import type { Sealed } from '../rules/facts.js';
import { type Filters, makeFilters } from '../rules/filters.js';
import { identityOf } from '../rules/identity.js';
import { sameBytes, unchanged } from '../rules/verified.js';
import { candidateOf } from './candidate.js';
import { nowOf } from './now.js';
import type { CandidateNow, Immovable, SealAnswer, Terms, ToSeal } from './order.js';

/** One file to seal, with its terms. */
interface Seal {
  files: FeedFiles;
  terms: Terms;
  filters: Filters;
  file: ToSeal;
}

export function sealer(files: FeedFiles, terms: Terms): (file: ToSeal) => SealAnswer {
  const filters = makeFilters(terms.feed);
  return (file) => sealOne({ files, terms, filters, file });
}

function sealOne(seal: Seal): SealAnswer {
  const { files, file } = seal;
  // Its work directory was removed while it was empty: it is made again as at the first time.
  if (file.inside !== '' && !files.hasWork(file.inside) && statEntry(inputEntry(seal)))
    return { kind: 'other_mount', inside: '' as ByteName };
  if (!files.canHold(file)) return nameTooLong(seal);
  if (file.claimNo === 1) {
    const entry = inputEntry(seal);
    const stat = statEntry(entry);
    // A missing file is looked for below, where it may have been sealed before.
    if (entry && stat?.kind === 'file') return sealFromInput(seal, entry, stat);
  }
  bringOn(files, file);
  const ok = files.workEntry(file, 'sidecar');
  const sealedSidecar = statEntry(ok) ? readSidecar(ok, file.path, files.kinds) : undefined;
  const unread =
    sealedSidecar && isUnread(sealedSidecar) ? { kind: 'unread' as const, sidecar: sealedSidecar } : undefined;
  const work = files.workEntry(file, 'file');
  if (work && statEntry(work)) return unread ?? sealedBefore(seal, work, sealedSidecar);

  const entry = inputEntry(seal);
  const stat = statEntry(entry);
  if (!entry || stat?.kind !== 'file')
    return { kind: 'gone', is: stat?.kind, hasSealedSidecar: sealedSidecar !== undefined };
  // Not by the ctime: chattr and chmod are how a refused move is helped. The file still waits for its window again.
  if (sealedSidecar && !sameBytes(file.seen.identity, stat)) return { kind: 'other_version' };
  return unread ?? sealFromInput(seal, entry, stat, sealedSidecar);
}

/** Nothing was ever sealed under such a name, so its file is in the input or nowhere. */
function nameTooLong(seal: Seal): SealAnswer {
  const is = statEntry(inputEntry(seal))?.kind;
  return is === 'file' ? { kind: 'name_too_long' } : { kind: 'gone', is, hasSealedSidecar: false };
}

/** Undefined where a directory of its path is gone or was replaced by a symlink. */
const inputEntry = ({ files, file }: Seal): Entry | undefined => files.entryOrNone(files.input, file.path);

/** Seals a file that lies in the input. Its sidecar may have been sealed before. */
function sealFromInput(seal: Seal, entry: Entry, stat: Stat, sealedSidecar?: SidecarRead): SealAnswer {
  const { files, file, terms, filters } = seal;
  const { feed } = terms;
  // Its job may be older than the filter.
  const ignored = filters.whyNot(file.path, undefined, () => isInMountRoot(entry));
  if (ignored) {
    const isSidecarBack = sealedSidecar !== undefined && sidecarBack(seal) === 'renamed';
    const hasSealedSidecar = sealedSidecar !== undefined && !isSidecarBack;
    return { kind: 'ignored', rule: ignored.rule, hasSealedSidecar, isSidecarBack };
  }
  // Taken before the sidecar is read: if one arrives in between, the producer notices that as a change.
  const now = candidateOf(feed, stat, entry);
  const sidecar = sealedSidecar ?? sidecarInInput(seal);
  // A sidecar that was sealed before is no word about a file that changed after it.
  const rule = completion(feed, file.seen, stat, sidecar.seen, nowOf(terms));
  const unreadable = sidecar.seen.kind === 'unreadable' ? sidecar.seen.code : undefined;
  if (!rule.complete) return { kind: 'wait', why: rule.why, inMs: rule.inMs, seen: rule.seen, now, unreadable };
  if (stat.size > feed.maxBytes || stat.size < feed.minBytes) return { kind: 'size', now };
  const opened = inPlace('input', files.roots.input, 'read', () => openEntry(entry));
  if (opened.fd === undefined) return { kind: 'unopened', code: opened.code, now };
  return withFd(opened.fd, (fd) => {
    const before = probeFd(fd, files.kinds);
    if (!unchanged(identityOf(stat), before.stat)) return CHANGED;
    if (before.writer === 'writer') return { kind: 'writer', now };
    const isWithSidecar = feed.mode === 'sidecar' && sidecar.seen.kind === 'there';
    const refused = moveIn(seal, entry, now, isWithSidecar && !sealedSidecar ? sidecar : undefined);
    return refused ?? afterRename(seal, fd, stat, isWithSidecar ? sidecar : undefined);
  });
}

const CHANGED = { kind: 'changed' } as const;

function sidecarInInput({ files, file, terms: { feed } }: Seal): SidecarRead {
  if (feed.mode !== 'sidecar') return NO_SIDECAR;
  const entry = files.entryOrNone(files.input, sidecarOf(file.path, feed));
  return readSidecar(entry, file.path, files.kinds);
}

/** Gives a sealed sidecar back to its name in the input. */
const sidecarBack = ({ files, file, terms: { feed } }: Seal): RenameResult =>
  deliver(files.workEntry(file, 'sidecar')!, files.input.entry(sidecarOf(file.path, feed)));

/**
 * Renames the sidecar first, so that a crash between the two renames never leaves a sealed file without its sidecar. `read`: the
 * sidecar as it was read; it is renamed by its name, so another one may have come.
 */
function moveIn(seal: Seal, entry: Entry, now: CandidateNow, read: SidecarRead | undefined): SealAnswer | undefined {
  const { path } = seal.file;
  let part: 'file' | 'sidecar' = 'sidecar';
  try {
    if (read) moveOne(seal, part, sidecarOf(path, seal.terms.feed));
    // If it cannot go back, it stays, and the next check reads it.
    if (read && !saysTheSame(seal, read)) return sidecarBack(seal) === 'exists' ? { kind: 'other_version' } : CHANGED;
    part = 'file';
    moveOne(seal, part, path);
    return undefined;
  } catch (error) {
    if (error instanceof LinuxError) return renameRefused(seal, { entry, part }, now, error);
    throw error instanceof PlaceError ? ofItsFilesystem(seal, entry, error) : error;
  }
}

function saysTheSame({ files, file }: Seal, { seen, checksum }: SidecarRead): boolean {
  const now = readSidecar(files.workEntry(file, 'sidecar'), file.path, files.kinds);
  return now.seen.kind === seen.kind && isDeepStrictEqual(now.checksum, checksum);
}

function moveOne({ files, file }: Seal, part: Part, path: ByteName): void {
  take(files, file, { part, from: files.input.entry(path), place: 'input' });
}

/** A filesystem below the input may fail alone, also one that is no mount: a snapshot of btrfs. */
function ofItsFilesystem({ files, file }: Seal, { dir }: Entry, error: PlaceError): PlaceError | MountUnusable {
  const [own, input] = [dir, files.input.rootFd].map((fd) => statEntry({ dir: fd, name: nameOfText('.') })!.dev);
  return error.place !== 'input' || own === input ? error : ofItsMount(error, files.roots, folderOf(file.path));
}

function renameRefused(
  { files, file, terms }: Seal,
  { entry, part }: { entry: Entry; part: 'file' | 'sidecar' },
  now: CandidateNow,
  error: LinuxError,
): SealAnswer {
  switch (error.code) {
    case 'ENOENT':
    case 'EEXIST': // somebody removed it just now, or it is sealed already: the next check decides
      return CHANGED;
    case 'EXDEV': {
      const inside = mountOf(files.input, file.path);
      if (inside === file.inside) throw error;
      try {
        inPlace('input', files.roots.input, 'write', () => files.makeInnerWork(inside));
      } catch (refusal) {
        throw refusal instanceof PlaceError ? ofItsMount(refusal, files.roots, inside) : refusal;
      }
      return { kind: 'other_mount', inside };
    }
    case 'EBUSY':
      if (statEntry(entry)?.isMountRoot) return { kind: 'immovable', because: { is: 'mount' }, now };
      throw error;
    case 'EACCES':
    case 'EPERM': {
      refuseClosedWork(files, file.inside);
      const folder = statEntry({ dir: entry.dir, name: nameOfText('.') });
      const moved = part === 'file' ? entry : files.input.entry(sidecarOf(file.path, terms.feed));
      const because = byAttribute(part, statEntry(moved), folder);
      if (because) return { kind: 'immovable', because, now };
      const mode = folder?.mode ?? 0;
      return { kind: 'not_permitted', code: error.code, isSticky: (mode & 0o1000) !== 0, now };
    }
    default:
      throw error;
  }
}

/** The rename names two folders, and its error says nothing of which of them is closed to this user. */
function refuseClosedWork(files: FeedFiles, inside: ByteName): void {
  const { rootFd, place } = files.work(inside);
  // By the descriptor: a path of the mount may have names that are not UTF-8.
  const folder = `/proc/self/fd/${rootFd}/${UNDERPROCESS}`;
  inPlace('work', `${place!.path}/${UNDERPROCESS}`, 'root', () => accessSync(folder, constants.W_OK | constants.X_OK));
}

function byAttribute(
  what: 'file' | 'sidecar',
  moved: Stat | undefined,
  folder: Stat | undefined,
): Immovable | undefined {
  if (moved?.attribute) return { is: moved.attribute, what };
  return folder?.attribute && { is: folder.attribute, what: 'folder' };
}

/** The file under our name must be the one that was verified, and nobody may be writing it. */
function afterRename(seal: Seal, fd: number, verified: Stat, sidecar: SidecarRead | undefined): SealAnswer {
  const entry = seal.files.workEntry(seal.file, 'file')!;
  const probe = probeNamed(fd, entry, seal.files.kinds);
  if (probe?.stat.ino !== verified.ino || probe.stat.dev !== verified.dev) return sealedBefore(seal, entry, sidecar);
  const identity = identityOf(verified);
  return asSealed(seal, probe, sidecar, sameBytes(identity, probe.stat), identity);
}

type SealedAnswer = Extract<SealAnswer, { kind: 'sealed' }>;

/** A file that is already in `underprocess/`: sealed before a crash, or not the file that was opened. */
function sealedBefore(seal: Seal, entry: Entry, sidecar: SidecarRead | undefined): SealAnswer {
  const { files, file, terms } = seal;
  const opened = inPlace('work', files.roots.work, 'read', () => openEntry(entry));
  if (opened.fd === undefined) return { kind: 'unopened', code: opened.code };
  const probe = withFd(opened.fd, (fd) => probeFd(fd, files.kinds));
  const isAsVerified = sameBytes(file.seen.identity, probe.stat) && file.seen.boot === terms.boot;
  return asSealed(seal, probe, sidecar, isAsVerified, identityOf(probe.stat));
}

/** The job goes on with the file in `underprocess/`, at once or after a quiet window there. */
function asSealed(
  { terms }: Seal,
  { stat, writer, because }: Probe,
  sidecar: SidecarRead | undefined,
  isAsVerified: boolean,
  identity: string,
): SealedAnswer {
  const now: CandidateNow = { identity: identityOf(stat), bytes: stat.size };
  const { ms: sinceMs, boot } = nowOf(terms);
  const isQuiet = isAsVerified && writer === 'none' && !sidecar?.mayChange;
  const sealed: Sealed = {
    identity,
    kind: writer === 'unknown' ? 'copy' : 'lease',
    ...(because !== undefined && { because }),
    ...(sidecar && { sidecar: true }),
    ...(!isQuiet && { window: { identity: now.identity, sinceMs, boot, by: 'write' as const } }),
  };
  return {
    kind: 'sealed',
    sealed,
    now,
    ...(sidecar && { sidecar: sidecar.checksum }),
    ...(sidecar?.mayChange && { unread: true }),
  };
}
