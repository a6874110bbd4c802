/**
 * Racing writers: files that are changed after they were renamed into place, by write, mapping, O_APPEND and truncate; and
 * files that are opened by name while they are sealed, beside the same writers in a directory that nobody takes files from.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { PACKAGE, Program } from '../world/program.js';
import { until } from '../world/waiting.js';
import type { World } from '../world/world.js';
import { fnv } from '../world/writers.js';
import { type Adversary, AT_ONCE, against } from './adversary.js';
import type { Found } from './mutants-world.js';

const FILES = 10_000;
const OPENS = 10_000;
const HOW = ['write', 'map', 'append', 'truncate'] as const;
/** Of the issue: more than so much beyond the slowest open without us is a disturbance. */
const SLOWER_US = 10_000;

export const racers: Adversary = ({ seed, scale, env = {} }) =>
  against({ seed, options: AT_ONCE }, async (world) => {
    const program = join(world.root, 'racers');
    const made = spawnSync('gcc', ['-O1', '-Wall', '-o', program, join(PACKAGE, 'test', 'crash', 'racers.c')]);
    if (made.error) return { violations: [], counts: {}, untested: 'no gcc: racing writers were not tested' };
    world.start('ingest', [], { env });
    await world.event('worker_started', (e) => String(e.worker).startsWith('worker'), { withinMs: 60_000 });
    const number = String(Number.parseInt(world.content(6).toString('hex'), 16) % 1e9);
    const run = async (args: string[], cwd = world.input): Promise<string[][]> => {
      const { code, stdout, stderr } = await new Program(program, [...args, number], undefined, { cwd }).ended;
      if (code !== 0) throw new Error(`a writer ended with ${code}: ${stderr}`);
      return stdout
        .trim()
        .split('\n')
        .map((line) => line.split(' '));
    };
    const each = Math.ceil((FILES * scale) / HOW.length);
    const left = (await Promise.all(HOW.map((how) => run(['late', how, String(each)])))).flat();
    await settled(world);
    const wrong = differing(world, left);

    // One after the other sees another machine: both at once.
    const beside = join(world.root, 'beside');
    mkdirSync(beside);
    const count = String(Math.ceil(OPENS * scale));
    const [[ours], [theirs]] = await Promise.all([run(['opens', count]), run(['opens', count], beside)]);
    await settled(world);
    await world.stop();
    const [opens, failed, slowest] = ours!.map(Number) as [number, number, number];
    const without = Number(theirs![2]);
    const found: Found[] = [...wrong];
    if (failed > 0) found.push({ kind: 'writer_disturbed', what: `${failed} of ${opens} opens failed` });
    // Half a second of writers meets too few seals and too much of the machine for a rule about the slowest.
    if (scale === 1 && slowest > without + SLOWER_US)
      found.push({
        kind: 'writer_delayed',
        what: `the slowest open took ${slowest} µs, without the ingestor ${without} µs`,
      });
    found.push(...linesMissing(world, opens - failed));
    const counts = { files: left.length, opens, slowest_open_us: slowest, slowest_open_without_us: without };
    return { violations: found, counts };
  });

const settled = (world: World): Promise<unknown> =>
  until(
    'all is stored',
    () =>
      readdirSync(world.input).length === 0 && world.jobs().every(({ state }) => state === 'done' || state === 'held'),
    { withinMs: 300_000, everyMs: 1_000 },
  );

const storedIn = (world: World): Map<string, string> =>
  new Map(world.warehouse().map(({ path }) => [basename(path), join(world.feed().warehouse, path)]));

function differing(world: World, left: readonly string[][]): Found[] {
  const stored = storedIn(world);
  const held = new Set(world.jobs().flatMap(({ state, key }) => (state === 'held' ? [basename(key)] : [])));
  return left.flatMap(([name, sum]) => {
    const path = stored.get(name!);
    if (held.has(name!)) return [{ kind: 'held', what: `${name} needs a person, and nothing was wrong with it` }];
    if (path === undefined) return [{ kind: 'lost', what: `${name} is not stored` }];
    return fnv(readFileSync(path)) === Number(sum)
      ? []
      : [{ kind: 'wrong_bytes', what: `${name} is not stored as its writer left it` }];
  });
}

/** Every line that went into some file is in exactly one stored file. */
function linesMissing(world: World, lines: number): Found[] {
  const seen = new Map<string, number>();
  for (const [name, path] of storedIn(world)) {
    if (!name.startsWith('opened')) continue;
    for (const line of readFileSync(path, 'latin1').split('\n').slice(0, -1)) seen.set(line, (seen.get(line) ?? 0) + 1);
  }
  const twice = [...seen.values()].filter((times) => times > 1).length;
  if (seen.size === lines && twice === 0) return [];
  return [{ kind: 'lost', what: `of ${lines} lines ${seen.size} are stored, ${twice} of them more than once` }];
}
