/** The world of one run of mutants-runs.ts, and the common steps of every such run. */
import type { Difference } from '../world/oracle.js';
import { World } from '../world/world.js';

export interface Found {
  kind: string;
  what: string;
}

export interface RunParts {
  seed: string;
  /** The environment of the product's programs: a mutant's switch, or nothing. */
  env: NodeJS.ProcessEnv;
  cuts: number;
}

/** Makes a world for one run. An error thrown in it is a violation of its own: a wait that failed. */
export async function inWorld(
  options: ConstructorParameters<typeof World>[0],
  act: (world: World) => Promise<Found[]>,
): Promise<Found[]> {
  const world = new World(options);
  try {
    return await act(world);
  } catch (error) {
    const stuck = { kind: 'stuck', what: String((error as Error).message).slice(0, 600) };
    await world.killAll();
    return [...world.differences({ settled: false }), stuck];
  } finally {
    await world.end();
  }
}

/** Brings everything to its end without faults, and compares. */
export async function settleAndCompare(
  world: World,
  env: NodeJS.ProcessEnv,
  change: Parameters<World['differences']>[0] = {},
): Promise<Found[]> {
  const program = world.start('ingest', ['--once'], { env });
  const timer = setTimeout(() => program.killAll(), 120_000);
  const { code, stderr } = await program.ended.finally(() => clearTimeout(timer));
  const found: (Difference | Found)[] = world.differences(change);
  if (code !== 0 && found.length === 0)
    found.push({ kind: 'stuck', what: `--once ended with ${code}: ${stderr.slice(-400)}` });
  return found;
}
