/**
 * The program in which the chain of a feed runs, spawned by a worker with a channel. Its argument: the bytes of memory that it may
 * take. The worker counts them once a second, and the kernel's limit stops what is faster.
 * Guarantees: it dies with its parent, is the first to go where memory is short, and gives way to all else on this machine.
 */
import { writeFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { limitFurtherData, setParentDeathSignal } from '../linux/index.js';
import { serveWorker } from '../process/child.js';

const OOM_FIRST = '1000';

/** A hardened service may be forbidden to: then it goes on without. */
function ifAllowed(act: () => void): void {
  try {
    act();
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
  }
}

setParentDeathSignal('SIGKILL');
ifAllowed(() => writeFileSync('/proc/self/oom_score_adj', OOM_FIRST));
ifAllowed(() => setPriority(constants.priority.PRIORITY_LOW));
ifAllowed(() => limitFurtherData(Number(process.argv[2])));
process.title = 'atomic-ingestor: process';
// A parent that died before the signal was asked for has closed the channel: this process ends at once, with nothing to wait for.
serveWorker();
