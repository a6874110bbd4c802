/**
 * A file that has its line and cannot be moved: another file is at its target.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { pause, resume } from './hand.js';
import { until } from './waiting.js';
import type { World } from './world.js';

/** Drops `held.csv` while an ingest runs. Returns its target. */
export async function heldMove(world: World, content: string | number = 100, feed?: string): Promise<string> {
  await pause(world.statePath, 'move');
  world.drop('held.csv', content, { how: 'rename', ...(feed && { feed }) });
  const line = () => world.manifest(feed).find(({ record }) => record?.path.endsWith('/held.csv'))?.record;
  const { warehouse_path: target } = await until('the line of the held file', line);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, 'a stranger');
  await resume(world.statePath, 'move');
  await until('the move is held', () => world.jobs(feed).some(({ hold_code }) => hold_code === 'target_taken'));
  return target;
}
