/** The findings of `ingest-ctl doctor` in a world. */
import assert from 'node:assert/strict';
import type { StartOptions } from '../world/program.js';
import type { World } from '../world/world.js';

export interface Finding {
  level: string;
  about: string;
  what: string;
  remedy?: string;
}

/** `args` replace the world's own flags of the same name. */
export async function doctor(
  world: World,
  code: number,
  options: StartOptions = {},
  args: string[] = [],
): Promise<Finding[]> {
  const nameOf = (flag: string) => flag.split('=')[0];
  const own = world.flags('ingest').filter((flag) => !args.some((arg) => nameOf(arg) === nameOf(flag)));
  const all = ['doctor', '--json', ...own, ...args];
  const ended = await world.launch('ingest-ctl', all, options).ended;
  assert.equal(ended.code, code, ended.stdout + ended.stderr);
  return ended.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

export const troubles = (found: Finding[]): Finding[] => found.filter(({ level }) => level !== 'ok');
