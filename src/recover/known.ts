/**
 * Does this state know what the manifests say? One that does not (lost, or restored from an older copy) must not ingest:
 * it would take the same content twice.
 * Looked at: what lies behind the committed end of the newest hour's file; for an empty ledger, any one record.
 */
import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { Backend } from '../../queue/backend.js';
import type { FeedOptions } from '../config/options.js';
import { EnvironmentError } from '../errors.js';
import { contentByHash } from '../ledger/content.js';

/** More than one batch's append can lie behind the end only where somebody else wrote. */
const BEHIND_BYTES_MAX = 64 << 20;

interface Line {
  sha256?: unknown;
  feed?: unknown;
  ingest_id?: unknown;
}

/** Errors: EnvironmentError `state_older_than_manifests`. A root that cannot be read is left to the gates. */
export function checkManifestsKnown(backend: Backend, feed: FeedOptions): void {
  const empty = backend.read((r) => r.get('SELECT 1 FROM contents WHERE feed = ? LIMIT 1', feed.name)) === undefined;
  for (const file of newestFirst(feed.manifests)) {
    const end =
      backend.read((r) => r.get<{ end_at: number }>('SELECT end_at FROM manifest_ends WHERE file = ?', file))?.end_at ??
      0;
    for (const line of recordsFrom(file, end)) {
      if (
        (line.feed ?? feed.name) !== feed.name ||
        typeof line.sha256 !== 'string' ||
        !/^[0-9a-f]{64}$/i.test(line.sha256)
      )
        continue;
      if (!isKnown(backend, feed, line)) refuse(file, line);
    }
    if (!empty) return;
  }
}

function isKnown(backend: Backend, feed: FeedOptions, line: Line): boolean {
  const sha256 = Buffer.from(line.sha256 as string, 'hex');
  if (backend.read((r) => contentByHash(r, feed.name, sha256))) return true;
  // Its carrier was discarded after the line: the content is free, and the job says so.
  return typeof line.ingest_id === 'string' && backend.job(line.ingest_id)?.state === 'done';
}

function refuse(file: string, line: Line): never {
  throw new EnvironmentError(
    'state_older_than_manifests',
    `${file} has a record (${line.sha256}) that this state does not know, so the state is lost or older than the manifests: run ingest-ctl rebuild with the feed's options, or ingesting again would store contents twice.`,
  );
}

/** All manifest.jsonl of a root, the newest hour first; reads one directory at a time. */
function* newestFirst(root: string, depth = 4): Generator<string> {
  let names: string[];
  try {
    names = readdirSync(root).sort().reverse();
  } catch {
    return;
  }
  if (depth === 0) {
    if (names.includes('manifest.jsonl')) yield join(root, 'manifest.jsonl');
    return;
  }
  for (const name of names) if (/^\d{2,4}$/.test(name)) yield* newestFirst(join(root, name), depth - 1);
}

function* recordsFrom(file: string, at: number): Generator<Line> {
  const fd = openSync(file, 'r');
  try {
    const bytes = Buffer.alloc(Math.min(Math.max(fstatSync(fd).size - at, 0), BEHIND_BYTES_MAX));
    const n = bytes.length === 0 ? 0 : readSync(fd, bytes, 0, bytes.length, at);
    for (const text of bytes.toString('utf8', 0, n).split('\n')) {
      const line = parsed(text);
      if (line) yield line;
    }
  } finally {
    closeSync(fd);
  }
}

function parsed(text: string): Line | undefined {
  try {
    const line: unknown = JSON.parse(text);
    return typeof line === 'object' && line !== null ? (line as Line) : undefined;
  } catch {
    return undefined;
  }
}
