/**
 * Shared by the tests of periods: rounds of a worker on real files, one step at a time. The feed's time zone makes time pass: a day
 * that has begun in the far west is over in the far east.
 */
import type { TestContext } from 'node:test';
import type { Backend } from '../../../queue/backend.js';
import { stagesUsed } from '../../../src/base/config/values/stage-names.js';
import { FeedFiles } from '../../../src/ingest/files/feed-files.js';
import { Periods } from '../../../src/ingest/periods/close.js';
import { tree } from '../../world/tree.js';
import { Bench } from '../stages/bench.js';

export const WEST = 'Etc/GMT+12';
export const EAST = 'Etc/GMT-14';
export const STAGES = stagesUsed([]);

interface Row {
  folder: string;
  state: string;
  waits_job: string | null;
  waits_why: string | null;
}

export async function benchIn(t: TestContext, options = {}): Promise<Bench> {
  const bench = await Bench.open({ timezone: WEST, successMarkers: true, ...options });
  t.after(() => bench.close());
  return bench;
}

export async function through(bench: Bench, stages: readonly string[], max = 10): Promise<void> {
  for (const stage of stages) await bench.step(stage, max);
}

/** One round of a worker. Returns its events. */
export async function close(
  bench: Bench,
  backend: Backend = bench.backend,
  periods = new Periods(),
): Promise<string[]> {
  const files = new FeedFiles(bench.feed.roots);
  const events: string[] = [];
  try {
    const emit = (event: string, { marked, folder }: Record<string, unknown> = {}) =>
      events.push(`${event} ${marked} ${String(folder).slice(bench.world.root.length + 1)}`);
    await periods.close({ backend, emit, files, hand: () => {} }, bench.feed.options, () => false);
  } finally {
    files.close();
  }
  return events;
}

export const rows = (bench: Bench): Row[] =>
  bench.backend.read((r) => r.all<Row>('SELECT folder, state, waits_job, waits_why FROM periods ORDER BY folder'));
export const states = (bench: Bench): string[] => rows(bench).map(({ state }) => state);
/** Markers and tokens, below the world's root. */
export const markers = (bench: Bench): string[] =>
  tree(bench.world.root)
    .map(({ path }) => path as string)
    .filter((path) => /(_SUCCESS|\.ingest-success)$/.test(path) && !path.startsWith('input'));
