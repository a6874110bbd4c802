/**
 * A SOURCE and a DEST of a test, a mirror between them in this process, and a comparison of both.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { type Mirroring, type MirrorResult, type ReplicateOptions, replicate } from '../../src/mirror/index.js';
import { release } from '../world/mounts.js';
import { type Found, tree } from '../world/tree.js';
import { until } from '../world/waiting.js';

export interface Told {
  event: string;
  [field: string]: unknown;
}

export interface MirrorWorld {
  root: string;
  source: string;
  dest: string;
  /** The events of all mirrors so far. */
  told: Told[];
  /** Runs until the end of the test, or until it is stopped. */
  follow(options?: Partial<ReplicateOptions>): Promise<Mirroring>;
  once(options?: Partial<ReplicateOptions>): Promise<MirrorResult>;
  /** Waits until DEST is like SOURCE, and no recorded change is left to apply. */
  alike(): Promise<void>;
  heard(event: string): Promise<Told>;
}

export function mirrorWorld(t: TestContext): MirrorWorld {
  const root = mkdtempSync(join(tmpdir(), 'replicate-'));
  const running: Mirroring[] = [];
  t.after(async () => {
    for (const one of running) one.stop();
    await Promise.allSettled(running.map(({ done }) => done));
    release(root);
    rmSync(root, { recursive: true, force: true });
  });
  const [source, dest] = [join(root, 'source'), join(root, 'dest')];
  mkdirSync(source);
  mkdirSync(dest);
  const told: Told[] = [];
  const start = async (options: Partial<ReplicateOptions>) => {
    const emit = (event: string, fields: object = {}) => void told.push({ ...fields, event });
    const one = await replicate({ source, dest, emit, ...options });
    running.push(one);
    return one;
  };
  const world: MirrorWorld = {
    root,
    source,
    dest,
    told,
    async follow(options = {}) {
      const one = await start(options);
      await until('everything was looked at', () => one.status().totals.scans > 0);
      return one;
    },
    once: async (options = {}) => (await start({ once: true, ...options })).done,
    async alike() {
      const isQuiet = () => running.every((one) => one.status().behind === 0);
      await until('DEST is as SOURCE', () => difference(source, dest) === undefined && isQuiet(), {
        soFar: () => `${difference(source, dest)}\n${JSON.stringify(told.slice(-10))}`,
      });
    },
    heard: (event) => until(`the event ${event}`, () => told.find((one) => one.event === event)),
  };
  return world;
}

/** A directory's times may change without an event, when a name came and went. */
type Compared = 'all' | 'but times of directories';

/**
 * The preserved attributes of a name, as text. Linux stores no mode for symlinks; nothing is preserved of special
 * files.
 */
const shown = (found: Found, compared: Compared): string => {
  const { path, kind, sha256, size, mode, uid, gid, mtimeNs } = found;
  const content = kind === 'directory' ? '' : `${size} ${sha256}`;
  const time = kind === 'directory' && compared !== 'all' ? '' : String(mtimeNs);
  return JSON.stringify([path, kind, content, kind === 'symlink' ? '' : mode & 0o7777, uid, gid, time]);
};

const mirrored = (directory: string, compared: Compared): string[] =>
  tree(directory)
    .filter(({ path, kind }) => kind !== 'other' && path !== 'lost+found' && !/^\.ingest-replicate(\/|$)/.test(path))
    .map((found) => shown(found, compared));

/** The first name in which they differ; undefined if they are equal. */
export function difference(source: string, dest: string, compared: Compared = 'all'): string | undefined {
  const [a, b] = [mirrored(source, compared), mirrored(dest, compared)];
  const at = a.findIndex((one, n) => one !== b[n]);
  if (at >= 0) return `source has ${a[at]}, dest ${b[at]}`;
  return b.length > a.length ? `dest has ${b[a.length]} besides` : undefined;
}

export const assertAlike = (source: string, dest: string): void => assert.equal(difference(source, dest), undefined);

/** Unfinished temporary files of a mirror. */
export const leftOver = (dest: string): string[] => readdirSync(join(dest, '.ingest-replicate/making'));

/** Takes all blocks of DEST but `left`. Returns how to give them back. */
export function fill(dest: string, left = 0): () => void {
  const filler = join(dest, '.ingest-replicate/filler');
  mkdirSync(dirname(filler), { recursive: true });
  const { bavail, bsize } = statfsSync(dest);
  writeFileSync(filler, Buffer.alloc((bavail - left) * bsize));
  return () => rmSync(filler);
}
