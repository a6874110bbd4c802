/**
 * Hashes a sealed file: checks that it is as it was sealed and that nobody writes it, then reads it.
 * Guarantees: no writer could change the bytes while they were read, because probe and stat come before and after. An uploader
 * can reach a sealed file only by a descriptor from before the seal. Where a lease cannot answer, the digest is of a private copy. No
 * uploader ever had a descriptor of that copy, and the copy is what is stored. A sidecar that may still be written is read after
 * the file: whoever hashes the file for it began before.
 * A small file is read at once. One that is large, that must be copied, or whose reading is bounded (`--max-bytes-per-second`) is a
 * long act.
 */
import { closeSync } from 'node:fs';
import type { FeedOptions } from '../../base/config/options.js';
import { copyTo, removeIfThere } from '../../files/copy.js';
import { type Digest, digestSmall, digestWhole, SMALL_BYTES } from '../../files/digest.js';
import { moveOwn } from '../../files/moves.js';
import { inPlace, inPlaceAsync } from '../../files/place-error.js';
import { type FsKinds, openEntry, type Probe, probeFd } from '../../files/probe.js';
import type { Throttle } from '../../files/rate-limit.js';
import { type Stat, withFd } from '../../linux/index.js';
import { type FeedFiles, statEntry } from '../files/feed-files.js';
import { isUnread, readSidecar, type SidecarRead } from '../files/sidecar.js';
import { demandOf } from '../rules/checksum.js';
import { stabilityMs } from '../rules/completion.js';
import type { Sealed } from '../rules/facts.js';
import { identityOf } from '../rules/identity.js';
import { sameBytes, unchanged } from '../rules/verified.js';
import { nowOf } from './now.js';
import type { HashAnswer, Terms, ToHash, ToRead } from './order.js';

/** A sealed file that may be read: it is as it was sealed, and nobody writes it. */
export interface OpenSealed {
  fd: number;
  sealed: Sealed;
  before: Probe;
}

export function hasher(files: FeedFiles, terms: Terms): (file: ToHash) => HashAnswer | { kind: 'large' } {
  return (file) => {
    const open = openSealed(files, terms, file);
    if ('kind' in open) return open;
    const isSmall = open.sealed.kind === 'lease' && open.before.stat.size <= SMALL_BYTES;
    return withFd(open.fd, () =>
      isSmall ? withSidecar(files, file, readSmall(open, files.kinds)) : { kind: 'large' },
    );
  };
}

/** Returns an answer where the file is not to be read (now). The caller closes the descriptor that it gets. */
export function openSealed(files: FeedFiles, terms: Terms, file: ToHash): OpenSealed | HashAnswer {
  const entry = files.workEntry(file, 'file');
  const stat = statEntry(entry);
  if (!entry || !stat) return { kind: 'missing' };
  const read = file.unread && sealedSidecar(files, file);
  if (read && isUnread(read)) return { kind: 'sidecar', read };
  const given = file.sealed ?? { identity: identityOf(stat), kind: 'lease' as const };
  const sealed = afterWindow(terms, given, stat);
  if (!('identity' in sealed)) return sealed;

  const opened = inPlace('work', files.roots.work, 'read', () => openEntry(entry));
  if (opened.fd === undefined)
    return opened.code === 'EAGAIN' ? again('writer_open', given, stat) : { kind: 'unopened', code: opened.code };
  let isKept = false;
  try {
    const open = { fd: opened.fd, sealed, before: probeFd(opened.fd, files.kinds) };
    const refused = refusal(terms.feed, open);
    if (refused) return refused;
    if (file.isHashed) return { kind: 'as_hashed', sealed };
    isKept = true;
    return open;
  } finally {
    if (!isKept) closeSync(opened.fd);
  }
}

const sealedSidecar = (files: FeedFiles, file: ToHash): SidecarRead =>
  readSidecar(files.workEntry(file, 'sidecar'), file.path, files.kinds);

const withSidecar = (files: FeedFiles, file: ToHash, answer: HashAnswer): HashAnswer =>
  answer.kind === 'hashed' && file.unread ? { ...answer, sidecar: sealedSidecar(files, file) } : answer;

/** A quiet window that runs inside `underprocess/`. Returns the seal as it is after the window, or how long to wait. */
function afterWindow(terms: Terms, sealed: Sealed, stat: Stat): Sealed | HashAnswer {
  const { window, ...rest } = sealed;
  if (!window) return sealed;
  const now = nowOf(terms);
  if (window.boot !== now.boot || !unchanged(window.identity, stat)) return again('window', sealed, stat);
  const leftMs = window.sinceMs + stabilityMs(terms.feed) - now.ms;
  return leftMs > 0 ? { kind: 'wait', inMs: Math.ceil(leftMs) } : { ...rest, identity: identityOf(stat) };
}

/** Undefined when the file is as it was sealed and nobody writes it. */
function refusal(feed: FeedOptions, { sealed, before }: Omit<OpenSealed, 'fd'>): HashAnswer | undefined {
  const refused = differs(sealed, before, sealed.identity);
  if (refused) return refused;
  return before.stat.size === 0 && feed.onEmpty === 'hold' ? { kind: 'empty', sealed } : undefined;
}

export const readSmall = (open: OpenSealed, kinds: FsKinds): HashAnswer =>
  afterReading(open, digestSmall(open.fd, open.before.stat.size), probeFd(open.fd, kinds));

/** A store through a mapping changes neither mtime nor ctime: only the second probe finds its writer. */
function afterReading({ sealed, before }: Omit<OpenSealed, 'fd'>, digest: Digest, after: Probe): HashAnswer {
  const refused = differs(sealed, after, identityOf(before.stat));
  if (refused) return refused;
  if (digest.bytes !== before.stat.size) return again('changed', sealed, after.stat);
  const sha256 = digest.sha256.toString('hex');
  return { kind: 'hashed', sealed: { ...sealed, identity: identityOf(after.stat) }, sha256 };
}

function differs(sealed: Sealed, { stat, writer, because }: Probe, identity: string): HashAnswer | undefined {
  if (writer === 'writer') return again('writer_open', sealed, stat);
  if (!sameBytes(identity, stat)) return again('changed', sealed, stat);
  if (writer === 'unknown' && sealed.kind === 'lease') {
    const copied: Sealed = { ...sealed, kind: 'copy', ...(because !== undefined && { because }) };
    return again('private_copy', copied, stat);
  }
  return undefined;
}

type Again = Extract<HashAnswer, { kind: 'again' }>;

const again = (why: Again['why'], sealed: Sealed, stat: Stat): Again => ({
  kind: 'again',
  why,
  sealed,
  now: { identity: identityOf(stat), bytes: stat.size },
});

export function reader(files: FeedFiles, terms: Terms, throttle?: Throttle): (file: ToRead) => Promise<HashAnswer> {
  return async (file) => {
    const open = openSealed(files, terms, file);
    if ('kind' in open) return open;
    try {
      if (open.sealed.kind === 'copy') return await copied(files, file, open, throttle);
      const digest = await digestWhole(open.fd, open.before.stat.size, throttle);
      return withSidecar(files, file, afterReading(open, digest, probeFd(open.fd, files.kinds)));
    } finally {
      closeSync(open.fd);
    }
  };
}

/** Copies while hashing. The copy gets its name only where its hash counts. */
async function copied(files: FeedFiles, file: ToRead, open: OpenSealed, throttle?: Throttle): Promise<HashAnswer> {
  const inWork = <T>(act: () => T): T => inPlace('work', files.roots.work, 'write', act);
  const partial = inWork(() => files.makeWorkEntry(file, 'partial'));
  let isKept = false;
  try {
    const digest = await inPlaceAsync('work', files.roots.work, 'write', () =>
      copyTo(open.fd, open.before.stat, partial, { throttle }),
    );
    const sealed = { ...open.sealed, copied: true };
    const answer = withSidecar(files, file, afterReading({ ...open, sealed }, digest, probeFd(open.fd, files.kinds)));
    if (answer.kind === 'hashed') {
      const { demanded } = answer.sidecar ? demandOf(answer.sidecar.checksum) : file;
      isKept = demanded === undefined || demanded === answer.sha256;
    }
    if (isKept)
      inWork(() => {
        const copy = files.makeWorkEntry(file, 'copy');
        removeIfThere(copy.dir, copy.name);
        moveOwn(partial, copy);
      });
    return answer;
  } finally {
    // On a full disk it would take the room that is waited for.
    if (!isKept) removeIfThere(partial.dir, partial.name);
  }
}
