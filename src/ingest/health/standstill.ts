/** Why no process works on a file at the moment, whatever its own rule says: the state is full, or a process is missing or stands still. */
import type { QueueView } from '../../../queue/index.js';
import { PRODUCER, partsOf, unservedFeeds } from '../ledger/services.js';
import { type Process, processesOf } from './processes.js';
import { roomOfState } from './room.js';

export interface Standstill {
  sentence: string;
  release: string;
}

/** `part`: a stage, or the producer. Undefined while a process does it. */
export function standstillOf(part: string, view: QueueView, statePath: string): Standstill | undefined {
  const { isFull, sentence, release } = roomOfState(statePath);
  if (isFull) return { sentence, release };
  const does = processesOf(view).filter(({ alive, title }) => alive && partsOf(title).includes(part));
  const isProducer = part === PRODUCER;
  if (does.length === 0) {
    return isProducer
      ? { sentence: 'New files are not noticed: no producer is running.', release: 'start ingest (or ingest-producer)' }
      : { sentence: `No process is running that does ${part}.`, release: 'start ingest (or ingest-worker)' };
  }
  const why = standsStill(does);
  if (why === undefined) return undefined;
  const what = isProducer ? 'notices new files' : `does ${part}`;
  const pids = does.map(({ pid }) => pid);
  return does.length === 1
    ? { sentence: `The only process that ${what} (pid ${pids[0]}) ${why}.`, release: releaseOf(does) }
    : {
        sentence: `Each process that ${what} (pids ${pids.join(', ')}) ${why}.`,
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
  processesOf(view).find((one) => one.alive && one.owner === owner);

/** Undefined where one of them is at work. */
export function standsStill(processes: readonly Process[]): string | undefined {
  if (processes.some(({ condition }) => condition === 'at work')) return undefined;
  const isStopped = processes.every(({ condition }) => condition === 'stopped');
  return isStopped ? 'is stopped (SIGSTOP, or a debugger)' : 'gives no sign of life';
}

export const RELEASE_SILENT =
  'thaw its container, if that is frozen; its parent kills it when --stall-seconds are over; where it has none: kill it';

/** Includes the parent, which may have been stopped with its child. */
export function releaseOf(idle: readonly Process[]): string {
  const stopped = idle.filter(({ condition }) => condition === 'stopped');
  if (stopped.length === 0) return RELEASE_SILENT;
  const parents = stopped.flatMap(({ parent_stopped: isStopped, parent_pid: pid }) => (isStopped ? pid! : []));
  return `kill -CONT ${[...new Set([...parents, ...stopped.map(({ pid }) => pid)])].join(' ')}`;
}
