/** Runs of the small scene in one process: checks the order of its calls, and dies at the calls of one kind. */
import { compilePreload, type Fault } from './control.js';
import { type OpenGrounds, openGrounds } from './grounds.js';
import { Lane } from './lane.js';
import type { Found, RunParts } from './mutants-world.js';
import { runRound } from './round.js';
import { MISMATCHED } from './scene.js';

/** Nothing is injected. */
export const callOrder = (parts: RunParts): Promise<Found[] | string> => inScenes([{ kind: 'nothing', at: 0 }], parts);

/** Dies before and after each write of a line. */
export const killAtLines = (parts: RunParts): Promise<Found[] | string> =>
  inScenes(deathsAt({ call: 'pwrite64', path: 'manifest.jsonl' }, 3), parts);

/** Dies around the seal of a file whose sidecar demands another checksum. */
export const killAtSeals = (parts: RunParts): Promise<Found[] | string> =>
  inScenes(deathsAt({ call: 'renameat2', path: `~${MISMATCHED}` }, 2), parts);

/** Dies when an output was made and not recorded yet. */
export const killAtOutputs = (parts: RunParts): Promise<Found[] | string> =>
  inScenes(deathsAt({ call: 'fsync', path: '.out.1.' }, 1), parts);

const deathsAt = (only: Fault['only'], times: number): Fault[] =>
  Array.from({ length: times }, (_, i) => i + 1).flatMap((at) =>
    (['kill after', 'kill before'] as const).map((kind) => ({ kind, at, ...(only && { only }) })),
  );

/** One scene for each fault, until one has a difference. */
async function inScenes(faults: readonly Fault[], parts: RunParts): Promise<Found[] | string> {
  const grounds = openGrounds();
  try {
    const library = compilePreload(grounds.tools);
    if (library === undefined) return 'no gcc: deaths at chosen calls, and the order of calls, were not tested';
    const lane = new Lane(library, grounds.tools, 0, parts.env);
    try {
      for (const fault of faults) {
        const found = await oneScene(lane, grounds, fault, parts.seed);
        if (found.length > 0) return found;
      }
      return [];
    } finally {
      lane.close();
    }
  } finally {
    grounds.close();
  }
}

const oneScene = async (lane: Lane, grounds: OpenGrounds, fault: Fault, seed: string): Promise<Found[]> =>
  (await runRound(lane, grounds, { seed, faults: [fault] })).violations;
