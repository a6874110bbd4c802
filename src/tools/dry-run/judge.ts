/**
 * Judges one file by the same rules as the stages: filters, completion, probe, hash, ledger.
 * Guarantees: opens files for reading only, never follows a symlink, changes nothing.
 * Does not: print; dry-run.ts does.
 */

import { accessSync, closeSync, constants } from 'node:fs';
import type { QueueView } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import { typed } from '../../base/shell.js';
import { exactBytes } from '../../base/telemetry/safe.js';
import { digestWhole } from '../../files/digest.js';
import type { Directories, Entry } from '../../files/directories.js';
import { baseOf, workName } from '../../files/job-paths.js';
import { FsKinds, openEntry, probeFd } from '../../files/probe.js';
import { statEntry } from '../../ingest/files/feed-files.js';
import { readSidecar } from '../../ingest/files/sidecar.js';
import { contentByHash, hasEnded } from '../../ingest/ledger/content.js';
import { type Arrival, nextOf, nextOfContent } from '../../ingest/ledger/exceptions.js';
import { sharingHost } from '../../ingest/ledger/host.js';
import { type Demand, demandOf, refusedBy } from '../../ingest/rules/checksum.js';
import { completion, type Now } from '../../ingest/rules/completion.js';
import type { Observation } from '../../ingest/rules/facts.js';
import { identityOf } from '../../ingest/rules/identity.js';
import { sameBytes } from '../../ingest/rules/verified.js';
import { type ByteName, bytesOfName, nameOfBytes, nameOfText, shownName } from '../../linux/index.js';
import { type Elsewhere, hasIt, type OneContent } from '../explain/elsewhere.js';
import type { DryNotes } from './notes.js';

export type Verdict =
  | { verdict: 'store' | 'duplicate' | 'hold' | 'wait' | 'gone'; reason: string }
  /** The file changed, so it is checked again after another window. */
  | { again: Observation }
  /** Unchanged so far. The window ends at this time. */
  | { inMs: number };

export interface Judge {
  feed: FeedOptions;
  input: Directories;
  view: QueueView | undefined;
  notes: DryNotes;
  /** Undefined: the feed shares nothing. */
  elsewhere: Elsewhere | undefined;
  now(): Now;
}

const WAITS: Record<string, string> = {
  no_sidecar: 'its sidecar is not there yet',
  sidecar_open: 'its sidecar is being written',
  sidecar_unreadable: 'its sidecar may not be read by this user',
  partial_upload:
    'its mtime is 0, as a cut rsync --partial leaves it: it has to stay unchanged for --partial-upload-seconds',
};

export async function judge(path: ByteName, seen: Observation, by: Judge): Promise<Verdict> {
  const { feed, input } = by;
  const entry = input.entry(path);
  const stat = statEntry(entry);
  if (stat?.kind !== 'file') return { verdict: 'gone', reason: 'it was there a moment ago' };
  const kinds = new FsKinds();
  const sidecar = readSidecar(sidecarEntry(input, path, feed), path, kinds);
  const rule = completion(feed, seen, stat, sidecar.seen, by.now());
  if (!rule.complete) {
    if (rule.why === 'window' && !rule.seen) return { inMs: rule.inMs };
    if (rule.seen && (rule.why === 'window' || rule.why === 'changed')) return { again: rule.seen };
    return { verdict: 'wait', reason: WAITS[rule.why] ?? rule.why };
  }
  const refused = refusal(path, entry, stat, by);
  if (refused) return { verdict: 'hold', reason: refused };

  const opened = openEntry(entry);
  if (opened.fd === undefined) return unopened(opened.code);
  try {
    const before = probeFd(opened.fd, kinds);
    if (before.writer === 'writer') return { verdict: 'wait', reason: 'somebody has it open for writing' };
    const digest = await digestWhole(opened.fd, stat.size);
    const after = probeFd(opened.fd, kinds);
    if (after.writer === 'writer' || !sameBytes(seen.identity, after.stat) || digest.bytes !== stat.size) {
      return { again: { ...seen, identity: identityOf(after.stat), sinceMs: by.now().ms, by: 'write' } };
    }
    return byContent(path, digest.sha256, demandOf(sidecar.checksum), by);
  } finally {
    closeSync(opened.fd);
  }
}

function sidecarEntry(input: Directories, path: ByteName, feed: FeedOptions): Entry | undefined {
  if (feed.mode !== 'sidecar') return undefined;
  const name = `${baseOf(path)}${nameOfText(feed.sidecarSuffix)}` as ByteName;
  return name.length > 255 ? undefined : { dir: input.entry(path).dir, name };
}

/** Why the file would be held before it is read. */
function refusal(
  path: ByteName,
  entry: Entry,
  stat: NonNullable<ReturnType<typeof statEntry>>,
  by: Judge,
): string | undefined {
  const { feed, view } = by;
  const holder = view?.holders(feed.name, [bytesOfName(path)])[0];
  if (holder?.state === 'held' && sameBytes(holder.identity, stat)) {
    return `it is held already: ${view?.job(holder.id)?.reason ?? 'see `ingest-ctl held`'}`;
  }
  if (stat.size > feed.maxBytes)
    return `too_large: it has ${exactBytes(stat.size)}, and --max-bytes is ${exactBytes(feed.maxBytes)}`;
  if (stat.size === 0 && feed.onEmpty === 'hold') return 'empty_file: it is empty and --on-empty is hold';
  if (workName('0'.repeat(26), 'copy', path) === undefined)
    return 'name_too_long: no name in the work directory can hold its path';
  return notMovable(entry, stat.uid);
}

function notMovable(entry: Entry, uid: number): string | undefined {
  const me = process.geteuid?.() ?? 0;
  if (me === 0) return undefined;
  const directory = statEntry({ dir: entry.dir, name: '.' as ByteName });
  if (directory && directory.mode & 0o1000 && uid !== me && directory.uid !== me) {
    return 'sticky_directory: its directory has the sticky bit and the file belongs to another user';
  }
  try {
    accessSync(`/proc/self/fd/${entry.dir}`, constants.W_OK);
    return undefined;
  } catch (error) {
    // A read-only mount is a failure of the place, not of the file.
    return (error as NodeJS.ErrnoException).code === 'EACCES'
      ? 'not_permitted: it may not be moved out of its directory by this user'
      : undefined;
  }
}

function unopened(code: string): Verdict {
  if (code === 'EACCES' || code === 'EPERM')
    return { verdict: 'hold', reason: `unreadable: it may not be read by this user (${code})` };
  if (code === 'EAGAIN') return { verdict: 'wait', reason: 'somebody has it open for writing' };
  return { verdict: 'wait', reason: `it cannot be opened just now (${code})` };
}

async function byContent(path: ByteName, sha256: Buffer, demand: Demand, by: Judge): Promise<Verdict> {
  const { feed, view, notes } = by;
  const hex = sha256.toString('hex');
  const refused = refusedBy(demand, hex);
  if (refused) return { verdict: 'hold', reason: `${refused.code}: ${refused.reason}` };
  const known = view?.read((reader) => contentByHash(reader, feed.name, sha256));
  const arrival = arrivalOf(path, by);
  const next = known && view?.read((reader) => nextOfContent(reader, known, arrival));
  // A run asks again for a content that another host had.
  if (known && known.state !== 'elsewhere' && !next) {
    const where = known.target === null ? known.sourcePath : known.target;
    const name = shownName(nameOfBytes(where));
    const how = known.state === 'pruned' ? ', with its line in' : ' as';
    const allow = typed('ingest-ctl allow-again', hex, '--reason', 'WHY');
    const since = known.state === 'withdrawn' ? ` and withdrawn; ${allow} lets it in again` : '';
    return { verdict: 'duplicate', reason: `${hasEnded(known) ? 'stored' : known.state} before${how} ${name}${since}` };
  }
  const twin = notes.twinOf(feed.name, sha256, bytesOfName(path));
  if (twin) return { verdict: 'duplicate', reason: `same content as ${shownName(nameOfBytes(twin))}` };
  const shared = await bySharedLedger({ feed: feed.name, sha256 }, arrival, by);
  if (shared) return shared;
  const again = next ? `, once more: as generation ${next.generation} of its content` : '';
  const chain = feed.process
    ? `, if its chain lets it pass (\`ingest-ctl process FILE --feed ${feed.name}\` tries it)`
    : '';
  return { verdict: 'store', reason: `${hex}${again}${chain}` };
}

/** The file came when its job was made, where it has one. */
function arrivalOf(path: ByteName, { feed, view }: Judge): Arrival {
  const nowMs = Date.now();
  const holder = view?.holders(feed.name, [bytesOfName(path)])[0];
  const arrivedAtMs = (holder && view?.job(holder.id)?.createdAtMs) ?? nowMs;
  return { arrivedAtMs, againAfterMs: feed.sameContentAgainAfterMs, nowMs };
}

async function bySharedLedger(
  content: OneContent,
  arrival: Arrival,
  { view, elsewhere }: Judge,
): Promise<Verdict | undefined> {
  const other = await elsewhere?.newest(content);
  if (elsewhere?.away !== undefined) return { verdict: 'wait', reason: elsewhere.away };
  if (!other) return undefined;
  if (other.state !== 'carried') {
    const last = () => ({ atMs: arrival.nowMs - other.ageMs, why: '' });
    const next = view?.read((reader) => nextOf(reader, other, arrival, last));
    return next ? undefined : { verdict: 'duplicate', reason: hasIt(other) };
  }
  const isOurs = other.isFree || other.host === view?.read(sharingHost)?.id;
  return isOurs ? undefined : { verdict: 'wait', reason: hasIt(other) };
}
