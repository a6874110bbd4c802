/** A case that is a race of whole pipelines: its sitting, then the counted runs. */
import { bearableSitting } from './bearable.mjs';
import { counts, pipelineRun } from './pipeline.mjs';
import { chosen } from './sitting.mjs';

/** The figures of such a race, in the order in which they are printed. */
export const FULL = [
  { key: 'seconds', label: 'seconds, exec to exit' },
  { key: 'filesPerS', label: 'files/s', ratio: true },
  { key: 'cpuS', label: 'CPU seconds' },
  { key: 'peakTreeMb', label: 'peak MB, whole tree' },
  { key: 'peakProcessMb', label: 'peak MB, one process' },
];

/** `fill(world, files, contestant)` makes the input of a run and answers what must arrive. */
export async function pipelines({ contestants, options, files, rounds, fill, across, tell }) {
  const racing = chosen(contestants, options);
  const run = (contestant, some) => pipelineRun(contestant, { options, files: some, fill, across });
  const rows = await bearableSitting({ contestants, options, files, rounds, tell }, run);
  for (const [n, row] of rows.entries()) {
    if (row.runs.length > 0) row.counts = await counted(racing[n], { options, fill, across, files, tell });
  }
  return { files, rounds, rows };
}

async function counted(contestant, { options, fill, across, files, tell }) {
  const countFiles = Math.min(options.countFiles, files);
  try {
    const found = await counts(contestant, { options: { ...options, countFiles }, fill, across });
    if (found) tell(`  counted, ${contestant.title}: ${JSON.stringify(found)}`);
    return found;
  } catch (error) {
    if (contestant.kind === 'product') throw error;
    tell(`  not counted, ${contestant.title}: ${error.message}`);
    return undefined;
  }
}
