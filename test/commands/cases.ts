/** Helpers of the tests of commands. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { World } from '../world/world.js';

/** A file of 200 bytes under `--max-bytes 100`: held, `too_large`. Returns its job as `ingest-ctl held --json` prints it. */
export async function withHeldFile(
  world: World,
  name = 'large.csv',
): Promise<{ id: string; path: string; code: string; hint: string }> {
  world.drop(name, 200);
  world.held.add(name);
  await world.runOnce(['--max-bytes', '100'], { code: 4 });
  const { stdout } = await world.run('ingest-ctl', ['held', '--json']);
  const jobs = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const job = jobs.find(({ path }) => path === name);
  assert.ok(job, stdout);
  return job;
}

export const inputPath = (world: World, name: string): string => join(world.input, name);
