/**
 * One sitting: every contestant runs once in each round, and no round begins with the same one as the last, so that what
 * the machine does meanwhile meets all of them alike.
 * Guarantees: a peer that fails is shown as failed and the others go on; a failure of the product ends the benchmark.
 */

/** A contestant: { id, title, kind: 'product' | 'peer', lacks, missing?() }. Answers a row for each. */
export async function sitting({ rounds, contestants, tell }, once) {
  const rows = contestants.map((contestant) => rowOf(contestant));
  for (const row of rows) if (row.notRun) tell(`  ${row.title}: not run: ${row.notRun}`);
  for (let round = 0; round < rounds; round++) {
    for (let n = 0; n < contestants.length; n++) {
      const at = (n + round) % contestants.length;
      if (rows[at].notRun) continue;
      const run = await attempt(contestants[at], round, once);
      if (run.failed) rows[at].notRun = run.failed;
      else rows[at].runs.push(run);
      tell(`  round ${round + 1} of ${rounds}, ${rows[at].title}: ${run.failed ?? said(run)}`);
    }
  }
  return rows;
}

export const rowOf = ({ id, title, kind, lacks = [], missing, against }) => ({
  ...{ id, title, kind, lacks, against },
  notRun: missing?.(),
  runs: [],
});

/** The product first, then those peers that were asked for. */
export const chosen = (contestants, { peers }) =>
  contestants.filter(({ kind, peer }) => kind === 'product' || peers === undefined || peers.includes(peer));

async function attempt(contestant, round, once) {
  try {
    return await once(contestant, round);
  } catch (error) {
    if (contestant.kind === 'product') throw error;
    return { failed: error.message };
  }
}

function said(run) {
  const figures = Object.entries(run).filter(([, value]) => typeof value === 'number');
  const short = figures.map(([name, value]) => `${name} ${Math.round(value * 1000) / 1000}`).join(', ');
  return run.faults ? `${short} · ${run.faults}` : short;
}
