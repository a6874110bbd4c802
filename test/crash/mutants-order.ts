/** A run of the small scene without a fault, and what its calls tell of the order on disk. */
import { compilePreload } from './control.js';
import { openGrounds } from './grounds.js';
import { Lane } from './lane.js';
import type { Found, RunParts } from './mutants-world.js';
import { runRound } from './round.js';

export async function callOrder({ seed, env }: RunParts): Promise<Found[] | string> {
  const grounds = openGrounds();
  try {
    const library = compilePreload(grounds.tools);
    if (library === undefined) return 'no gcc: the order of calls was not tested';
    const lane = new Lane(library, grounds.tools, 0, env);
    try {
      return (await runRound(lane, grounds, { seed, faults: [{ kind: 'nothing', at: 0 }] })).violations;
    } finally {
      lane.close();
    }
  } finally {
    grounds.close();
  }
}
