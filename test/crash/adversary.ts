/** What every adversary of the ingestor is given, and answers. */
import { World } from '../world/world.js';
import type { Found } from './mutants-world.js';

export interface AdversaryPlan {
  seed: string;
  /** 1 is the full form; the short one takes a part of it. */
  scale: number;
  /** What the ingestor runs with: a mutant's switch. */
  env?: NodeJS.ProcessEnv;
}

export interface AdversaryReport {
  violations: Found[];
  counts: Record<string, number>;
  untested?: string;
}

export type Adversary = (plan: AdversaryPlan) => Promise<AdversaryReport>;

/** Nothing but the probes stands between a writer and the seal. */
export const AT_ONCE = { stabilitySeconds: 0, settleMs: 0 };

/** A world of its own; a wait in vain is a violation, and the oracle tells what lies where. */
export async function against(
  options: ConstructorParameters<typeof World>[0],
  act: (world: World) => Promise<AdversaryReport>,
): Promise<AdversaryReport> {
  const world = new World(options);
  const keep = process.env.KEEP_WORLD !== undefined;
  try {
    return await act(world);
  } catch (error) {
    await world.killAll();
    const stuck = { kind: 'stuck', what: String((error as Error).message).slice(0, 1_500) };
    return { violations: [stuck, ...world.differences({ settled: false }).slice(0, 20)], counts: {} };
  } finally {
    await world.end({ keep });
  }
}
