/** A case that is a race of whole pipelines: its sitting, then the counted runs. */
import { bearable, counts, pipelineRun } from './pipeline.mjs';
import { chosen, sitting } from './sitting.mjs';

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
  const given = new Map();
  const rows = await sitting({ rounds, contestants: racing, tell }, async (contestant) => {
    if (!given.has(contestant.id))
      given.set(contestant.id, await bearable(contestant, { options, files, fill, across }));
    return pipelineRun(contestant, { options, files: given.get(contestant.id), fill, across });
  });
  for (const [n, row] of rows.entries()) {
    const fewer = given.get(row.id);
    if (fewer < files)
      row.mark = `at ${fewer.toLocaleString('en-US')} files: more would take over ${options.limitSeconds} s`;
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
