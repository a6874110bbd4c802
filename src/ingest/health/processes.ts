/**
 * The processes of a state, and whether the living ones are at work. A stopped process keeps its lock, so it is not dead, but
 * sends no heartbeat. A heartbeat is the moment at which it came, so one snapshot shows since when a process is silent.
 * Guarantees: reads only slots and /proc; sends nothing to any process. A process of another pid namespace is judged by its
 * heartbeats only.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OwnerId } from '../../../queue/backend.js';
import { limits, type QueueView } from '../../../queue/index.js';
import type { Text } from '../../linux/index.js';
import { iso } from './finding.js';

/** `stopped`: by a signal or a debugger, as /proc says. `silent`: several heartbeats are missing. */
export type Condition = 'at work' | 'stopped' | 'silent' | 'dead';

export interface Process {
  owner: OwnerId;
  pid: number;
  title: string;
  alive: boolean;
  condition: Condition;
  /** The time since its last heartbeat; 0 for a dead process. */
  quiet_seconds: number;
  /** ISO 8601: its last sign of life; null for a dead process. */
  last_beat_at: string | null;
  /** Its parent is stopped, so nobody starts it again. */
  parent_stopped: boolean;
  /** Null where it cannot be seen from here. */
  parent_pid: number | null;
  /** ISO 8601: when its parent last attended to it; null where it has none. */
  attended_at: string | null;
  job: string | null;
  /** The jobs of its other threads. */
  thread_jobs: readonly string[];
  /** The jobs whose call hangs. */
  hanging_jobs: readonly string[];
  place: string;
}

/** The beginning of the `process.title` of all our processes, as the kernel keeps it. */
const COMM = 'atomic-ingestor';
/** Heartbeats are due every second. A commit to a busy disk may take many, and is no fault. */
const SILENT_MS = 20 * limits.beatEveryMs;

/** A process that never sent a heartbeat is not silent: a verb of ingest-ctl sends none, and the limit of a start is its parent's. */
export function processesOf(view: Pick<QueueView, 'owners' | 'nowMs'>): Process[] {
  const slots = view.owners();
  const ageMs = (bootMs: number) => Math.max(0, view.nowMs() - bootMs);
  const at = (bootMs: number) => iso(Date.now() - ageMs(bootMs));
  return slots.map(({ owner, pid, title, alive, job, threads, place, beat, startedMs, attendedMs }) => {
    const quietMs = alive ? ageMs(beat) : 0;
    const seen = alive ? seenInProc(pid) : undefined;
    const stopped = seen?.stopped === true;
    const silent = beat > startedMs && quietMs > SILENT_MS;
    const condition = !alive ? 'dead' : stopped ? 'stopped' : silent ? 'silent' : 'at work';
    const parentStopped = seen !== undefined && seenInProc(seen.parent)?.stopped === true;
    return {
      owner,
      pid,
      title,
      alive,
      condition,
      quiet_seconds: Math.floor(quietMs / 1_000),
      last_beat_at: alive ? at(beat) : null,
      attended_at: attendedMs > 0 ? at(attendedMs) : null,
      parent_stopped: parentStopped,
      parent_pid: seen?.parent ?? null,
      job,
      place,
      thread_jobs: threads.map((hand) => hand.job),
      hanging_jobs: threads.flatMap((hand) => (alive && hand.hangs ? [hand.job] : [])),
    };
  });
}

/** The boot clock runs on in suspend: on a machine that has just woken up, all are silent for a moment. For a command that asks once. */
export async function heartbeatsAreBack(view: Pick<QueueView, 'owners' | 'nowMs'>): Promise<void> {
  if (processesOf(view).some(({ condition }) => condition === 'silent')) await sleep(1.1 * limits.beatEveryMs);
}

/** Undefined where this pid is no process of ours here. proc(5): pid (comm) state ppid … */
function seenInProc(pid: number): { stopped: boolean; parent: number } | undefined {
  let stat: Text;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined; // it has just ended, or is not visible from here
  }
  const end = stat.lastIndexOf(')');
  if (stat.slice(stat.indexOf('(') + 1, end) !== COMM) return undefined;
  const [state, parent] = stat.slice(end + 2).split(' ');
  return { stopped: state === 'T' || state === 't', parent: Number(parent) };
}
