/**
 * A SOURCE, a DEST and the mirror between them, started as a user would: its own process, seen only through its log.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { release } from '../world/mounts.js';
import { type Ended, type LogEvent, Program } from '../world/program.js';
import { until } from '../world/waiting.js';
import { difference } from './mirror-world.js';

/** No periodic scan comes within a test; only the scan at a start helps. */
const NO_SCANS = ['--scan-interval-seconds', '86400'];
const scanless = (args: readonly string[]) => (args.includes(NO_SCANS[0]!) ? args : [...NO_SCANS, ...args]);

export interface CommandWorld {
  root: string;
  source: string;
  dest: string;
  /** Runs until it ends; after five minutes it is stopped. */
  run(...args: string[]): Promise<Ended>;
  start(...args: string[]): Program;
  /** Resolves when its first scan is done. */
  follow(...args: string[]): Promise<Program>;
  alike(mirror: Program): Promise<void>;
}

/** `sourceIn`: the path of SOURCE within the folder of the test. */
export function commandWorld(t: TestContext, sourceIn = (root: string) => join(root, 'source')): CommandWorld {
  const root = mkdtempSync(join(tmpdir(), 'replicate-command-'));
  const running: Program[] = [];
  t.after(async () => {
    for (const one of running) one.kill();
    await Promise.all(running.map(({ ended }) => ended));
    release(root);
    rmSync(root, { recursive: true, force: true });
  });
  const [source, dest] = [sourceIn(root), join(root, 'dest')];
  mkdirSync(source);
  mkdirSync(dest);
  const start = (...args: string[]) => {
    const mirror = new Program('ingest-replicate', [source, dest, ...args]);
    running.push(mirror);
    return mirror;
  };
  return {
    root,
    source,
    dest,
    run: (...args) =>
      new Program('ingest-replicate', [source, dest, ...args], undefined, { wrap: ['timeout', '300'] }).ended,
    start,
    async follow(...args) {
      const mirror = start(...scanless(args));
      await heard(mirror, 'replica_scan_done');
      return mirror;
    },
    async alike(mirror) {
      await until('DEST is as SOURCE', () => difference(source, dest) === undefined, {
        soFar: () => `${difference(source, dest)}\n${mirror.tail()}`,
      });
    },
  };
}

export const heardOf = (mirror: Program, event: string): LogEvent[] =>
  mirror.events.filter((one) => one.event === event);

/** The `nth` event, from 1. */
export const heard = (mirror: Program, event: string, nth = 1): Promise<LogEvent> =>
  until(`the event ${event}`, () => heardOf(mirror, event)[nth - 1], { soFar: () => mirror.tail() });
