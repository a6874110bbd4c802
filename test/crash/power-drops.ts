/**
 * The effect of a power cut on an uploader: its synced files are there afterwards, its unsynced files may be gone, empty or
 * whole. The oracle must know which is which, or it would blame the ingestor for the uploader's loss.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { nameOfText } from '../../src/linux/names.js';
import { sha256 } from '../world/dropping.js';
import type { World } from '../world/world.js';

/** Hidden first, renamed when whole. `synced`: bytes and names are on disk when this returns. */
export function dropFile(world: World, name: string, content: Buffer, synced: boolean): void {
  const path = join(world.input, name);
  const hidden = join(dirname(path), `.${name.replaceAll('/', '_')}.tmp`);
  mkdirSync(dirname(path), { recursive: true });
  const fd = openSync(hidden, 'w');
  writeSync(fd, content);
  if (synced) fsyncSync(fd);
  closeSync(fd);
  renameSync(hidden, path);
  if (synced) for (const directory of new Set([dirname(path), world.input])) syncDirectory(directory);
  world.dropped.push({
    feed: 'default',
    name: nameOfText(name),
    sha256: sha256(content),
    bytes: content.length,
    optional: !synced,
  });
}

function syncDirectory(path: string): void {
  const fd = openSync(path, 'r');
  fsyncSync(fd);
  closeSync(fd);
}

/**
 * Runs after the remount, before our programs: decides which unsynced uploads must have survived, and the state of the others.
 * - A hash in the database is a promise: its bytes had to be on disk before. `acknowledged`: digest and path of files logged as stored.
 * - A file under one of their names with other bytes counts as the upload: nobody can know better now.
 * - Uploaders remove their own hidden files.
 */
export function settleUploads(world: World, acknowledged: ReadonlySet<string>): void {
  const seen = world.survey();
  const hashed = new Map((seen.database?.jobs ?? []).map((job) => [job.key, job.payload.sha256]));
  for (const drop of world.dropped) {
    if (
      drop.optional &&
      (hashed.get(drop.name) === drop.sha256 || acknowledged.has(`${drop.sha256} ${join(world.input, drop.name)}`))
    )
      drop.optional = false;
  }
  const known = new Set(world.dropped.map((drop) => drop.sha256));
  for (const { path } of seen.input) if (/(^|\/)\.[^/]*\.tmp$/.test(path)) rmSync(join(world.input, path));
  for (const { path, sha256: digest, size } of [...seen.input, ...seen.underprocess]) {
    if (known.has(digest)) continue;
    const name = world.dropped.find((drop) => drop.optional && path.endsWith(drop.name.replaceAll('/', '%2F')));
    const same = world.dropped.find((drop) => drop.optional && drop.name === path);
    const drop = same ?? name;
    if (!drop) continue; // no drop has this name: the oracle reports it
    world.dropped.push({ ...drop, sha256: digest, bytes: size, optional: true });
    known.add(digest);
  }
}
