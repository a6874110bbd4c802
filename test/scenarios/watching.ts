/**
 * Scenarios that must hold whichever way the input is watched: by events, or by scans alone (--poll).
 * Guarantees: the ingestor has scanned its input before the scenario begins, so "untouched" is its decision and not its
 * start-up. Every world ends with the oracle.
 */
import { describe, test } from 'node:test';
import { nameOfText } from '../../src/linux/names.js';
import { type Dropped, sha256 } from '../world/dropping.js';
import type { HeardEvent } from '../world/event-log.js';
import { ITS_OWN_WATCH } from '../world/home.js';
import type { Options } from '../world/layout.js';
import { stays } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

/** --poll scans often here, so that a scenario takes seconds. With events there is no scan that could replace them. */
export const WATCHING: Record<string, Options> = {
  inotify: ITS_OWN_WATCH,
  '--poll': { poll: true, scanIntervalSeconds: 0.2 },
};

export interface Watched {
  options?: Options;
  /** Before the ingestor is started. */
  before?: (world: World) => void | Promise<void>;
  /** `false`: the scenario judges its world by itself. */
  check?: boolean;
}

/** They mostly wait, each in a world of its own, so several run at a time. */
export const scenarios = (name: string, list: () => void): void => void describe(name, { concurrency: 4 }, list);

/** One test for each way of watching, in a world whose ingestor runs. */
export function watched(name: string, plan: Watched, act: (world: World) => Promise<void>): void {
  for (const [how, options] of Object.entries(WATCHING)) {
    test(`${name} (${how})`, async (t) => {
      const world = createWorld(t, { options: { trace: true, logLevel: 'trace', ...options, ...plan.options } });
      await plan.before?.(world);
      world.start('ingest');
      await world.event('scan_done', undefined);
      await act(world);
      await world.stop();
      if (plan.check !== false) world.check();
    });
  }
}

/** A step of a stage for a file, logged with --trace. */
export const step = (
  world: World,
  name: string,
  fits: (event: HeardEvent) => unknown,
  since?: number,
): Promise<HeardEvent> =>
  world.event('stage_step', (e) => String(e.path).endsWith(`/${name}`) && fits(e), {
    ...(since !== undefined && { since }),
  });

/** The file is not sealed for so long. */
export async function silence(world: World, name: string, forMs: number): Promise<void> {
  const sealed = () => world.log.named('file_ready').filter((e) => String(e.path).endsWith(`/${name}`)).length;
  const before = sealed();
  await stays(`${name} is not sealed`, () => sealed() === before, forMs);
}

/** Records a file that the scenario wrote by itself. */
export const droppedAs = (name: string, content: Buffer): Dropped => ({
  feed: 'default',
  name: nameOfText(name),
  sha256: sha256(content),
  bytes: content.length,
  optional: false,
});
