/**
 * A worker that keeps a job for as long as a test needs: it hashes a sparse file that takes minutes.
 * Does not: let the job end. The end of the world does.
 */
import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import type { JobRow } from '../world/database.js';
import type { Program, StartOptions } from '../world/program.js';
import { until } from '../world/waiting.js';
import type { World } from '../world/world.js';

const HUGE_BYTES = 256 * 2 ** 30;
const NAME = 'huge.csv';

export interface Busy {
  program: Program;
  /** The pid of the process that has the job. */
  pid: number;
  job: JobRow;
}

/** A producer, and the file on its way as far as hash; nobody hashes yet, and no other worker is left. */
export async function hugeFileSealed(world: World): Promise<void> {
  world.start('ingest-producer');
  const verifier = world.start('ingest-worker', ['--stage', 'verify-complete']);
  world.drop(NAME, 1);
  truncateSync(join(world.input, NAME), HUGE_BYTES);
  await until('the huge file is sealed', () => hugeJob(world)?.stage === 'hash', { everyMs: 50 });
  await verifier.stop();
}

/** Starts a worker that hashes; the huge file is claimed by nobody, and it takes it. */
export async function busyWorker(
  world: World,
  args: readonly string[] = [],
  options: StartOptions = {},
): Promise<Busy> {
  const program = world.start('ingest-worker', ['--stage', 'hash', ...args], options);
  const { owner, worker_pid } = await world.event('worker_started', (e) => e.heardFrom === program.pid);
  const job = await claimedBy(world, owner as number);
  return { program, pid: worker_pid as number, job };
}

/** Waits until that owner has claimed the huge file's job. */
export function claimedBy(world: World, owner: number): Promise<JobRow> {
  const has = () => {
    const job = hugeJob(world);
    return job?.state === 'claimed' && job.owner === owner && job;
  };
  return until(`owner ${owner} has the huge file`, has, { everyMs: 20 });
}

export const hugeJob = (world: World): JobRow | undefined => world.jobs().find(({ key }) => key === NAME);

/** The claim is still the same. */
export function claimIs(world: World, { owner, claim_no }: { owner: number | null; claim_no: number }): boolean {
  const job = hugeJob(world);
  return job?.state === 'claimed' && job.owner === owner && job.claim_no === claim_no;
}
