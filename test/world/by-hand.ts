/**
 * Does by hand, without any crash safety, what the ingestor does with a file. For the tests of the oracle, which must
 * be trusted before the product is.
 */
import { appendFileSync, copyFileSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Dropped } from './dropping.js';
import { workDirOf } from './layout.js';
import type { ManifestRecord } from './manifest.js';
import type { World } from './world.js';

export const HOUR = '2030/01/02/03';
export const DAY = 'ingest_date=2030-01-02';

export const manifestPath = (world: World): string => join(world.feed().manifests, HOUR, 'manifest.jsonl');
export const storedPath = (world: World, dropped: Dropped): string => join(world.feed().warehouse, DAY, dropped.name);

export function recordOf(world: World, dropped: Dropped, change: Partial<ManifestRecord> = {}): ManifestRecord {
  return {
    path: join(world.input, dropped.name),
    sha256: dropped.sha256,
    device: 1,
    inode: 2,
    size: dropped.bytes,
    mtime: 3,
    mtime_ns: '3000000000',
    warehouse_path: storedPath(world, dropped),
    ingested_at: '2030-01-02T03:04:05.678Z',
    ingest_id: `ID-${dropped.name}`,
    feed: 'default',
    seal: 'lease',
    ...change,
  };
}

export function appendLine(world: World, record: ManifestRecord): void {
  mkdirSync(join(world.feed().manifests, HOUR), { recursive: true });
  appendFileSync(manifestPath(world), `${JSON.stringify(record)}\n`);
}

/** Writes a manifest line, and the file into the warehouse. */
export function store(world: World, dropped: Dropped): void {
  appendLine(world, recordOf(world, dropped));
  mkdirSync(join(world.feed().warehouse, DAY), { recursive: true });
  renameSync(join(world.input, dropped.name), storedPath(world, dropped));
}

/** Puts a file into a folder of the work directory. */
export function putAway(
  world: World,
  dropped: Dropped,
  folder: 'underprocess' | 'duplicates' | 'failed',
  how: 'move' | 'copy' = 'move',
): void {
  const target = join(workDirOf(world.feed()), folder);
  mkdirSync(target, { recursive: true });
  const source = [join(world.input, dropped.name), storedPath(world, dropped)].find((path) =>
    statSync(path, { throwIfNoEntry: false }),
  );
  (how === 'move' ? renameSync : copyFileSync)(source!, join(target, `JOB~${dropped.name}`));
}
