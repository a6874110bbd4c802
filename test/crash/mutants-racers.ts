/** Racing writers that keep their files open or mapped: only a probe finds out that they are not done. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { PACKAGE, Program } from '../world/program.js';
import { until } from '../world/waiting.js';
import type { World } from '../world/world.js';
import { fnv } from '../world/writers.js';
import { type Found, inWorld, type RunParts } from './mutants-world.js';

const FILES = 400;
const HOW = ['write', 'map', 'append', 'truncate'] as const;

/** Files that are changed after they were renamed into place. Each is stored as its writer left it, and none needs a person. */
export async function racingWriters({ seed, env }: RunParts): Promise<Found[] | string> {
  let noGcc = false;
  const found = await inWorld({ seed, options: { stabilitySeconds: 0, quietMs: 0 } }, async (world) => {
    const program = compileRacers(world.root);
    noGcc = program === undefined;
    if (program === undefined) return [];
    world.start('ingest', [], { env });
    await world.event('worker_started', (e) => String(e.worker).startsWith('worker'), { withinMs: 60_000 });
    const number = String(world.content(4).readUInt32LE());
    const each = String(FILES / HOW.length);
    const told = await Promise.all(
      HOW.map((how) => new Program(program, ['late', how, each, number], undefined, { cwd: world.input }).ended),
    );
    const left = told.flatMap(({ stdout }) => stdout.trim().split('\n')).map((line) => line.split(' '));
    const isOver = () =>
      readdirSync(world.input).length === 0 && world.jobs().every(({ state }) => /^(done|held)$/.test(state));
    await until('all are at their end', isOver, { withinMs: 120_000, everyMs: 250 });
    await world.stop();
    return differing(world, left);
  });
  return noGcc ? 'no gcc: racing writers were not tested' : found;
}

/** Undefined where there is no gcc. */
export function compileRacers(folder: string): string | undefined {
  const program = join(folder, 'racers');
  const source = join(PACKAGE, 'test', 'crash', 'racers.c');
  return spawnSync('gcc', ['-O1', '-Wall', '-o', program, source]).error ? undefined : program;
}

function differing(world: World, left: readonly string[][]): Found[] {
  const stored = new Map(world.warehouse().map(({ path }) => [basename(path), join(world.feed().warehouse, path)]));
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
