/** Why no process works on a file at the moment, whatever its own rule says: the state is full, or a process is missing or stopped. */
import type { QueueView } from '../../../queue/index.js';
import { PRODUCER, partsOf, unservedFeeds } from '../ledger/services.js';
import { type Process, ProcessWatch } from './processes.js';
import { roomOfState } from './room.js';

export interface Standstill {
  sentence: string;
  release: string;
}

/** `part`: a stage, or the producer. Undefined while a process does it. */
export function standstillOf(part: string, view: QueueView, statePath: string): Standstill | undefined {
  const { isFull, sentence, release } = roomOfState(statePath);
  if (isFull) return { sentence, release };
  const does = new ProcessWatch().check(view).filter(({ alive, title }) => alive && partsOf(title).includes(part));
  const isProducer = part === PRODUCER;
  if (does.length === 0) {
    return isProducer
      ? { sentence: 'New files are not noticed: no producer is running.', release: 'start ingest (or ingest-producer)' }
      : { sentence: `No process is running that does ${part}.`, release: 'start ingest (or ingest-worker)' };
  }
  if (does.some(({ condition }) => condition !== 'stopped')) return undefined;
  const what = isProducer ? 'notices new files' : `does ${part}`;
  const pids = does.map(({ pid }) => pid);
  return does.length === 1
    ? { sentence: `The only process that ${what} (pid ${pids[0]}) ${IS_STOPPED}.`, release: releaseOf(does) }
    : {
        sentence: `Each process that ${what} (pids ${pids.join(', ')}) ${IS_STOPPED}.`,
        release: releaseOf(does),
      };
}

/** Nobody watches the input of this feed, although producers run. */
export function unwatched(feed: string, view: QueueView): Standstill | undefined {
  if (!unservedFeeds(view).includes(feed)) return undefined;
  const sentence = `No running producer has feed ${feed}: nobody watches its input.`;
  return { sentence, release: `put ${feed} back into the configuration and restart` };
}

/** The process that has claimed a job. */
export const claimantOf = (owner: number | null, view: QueueView): Process | undefined =>
  new ProcessWatch().check(view).find((one) => one.alive && one.owner === owner);

export const IS_STOPPED = 'is stopped (SIGSTOP, or a debugger)';

/** Includes the parent, which may have been stopped with its child. */
export function releaseOf(stopped: readonly Process[]): string {
  const parents = stopped.flatMap(({ parent_stopped: isStopped, parent_pid: pid }) => (isStopped ? pid! : []));
  return `kill -CONT ${[...new Set([...parents, ...stopped.map(({ pid }) => pid)])].join(' ')}`;
}
