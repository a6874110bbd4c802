/**
 * The processes of a state, and whether those that live are at work: one that is stopped keeps its lock, so it is not dead,
 * and says nothing more.
 * Guarantees: looks at slots and at /proc alone; nothing is sent to anybody. A process of another pid namespace is judged by
 * its beats only.
 */
import { readFileSync } from 'node:fs';
import type { OwnerId } from '../../../queue/backend.js';
import { limits, type QueueView } from '../../../queue/index.js';
import type { Text } from '../../linux/index.js';
import { iso } from './finding.js';

/** `stopped`: by a signal or a debugger, as /proc says. `silent`: no beat for longer than a few were due. */
export type Condition = 'at work' | 'stopped' | 'silent' | 'dead';

export interface Process {
  owner: OwnerId;
  pid: number;
  title: string;
  alive: boolean;
  condition: Condition;
  /** Since its last beat that was seen; 0 at the first look. */
  quiet_seconds: number;
  /** ISO 8601: its last sign of life; null of one that is dead. */
  last_beat_at: string | null;
  /** Its parent is stopped, so nobody starts it again. */
  parent_stopped: boolean;
  /** Null where that cannot be seen from here. */
  parent_pid: number | null;
  /** ISO 8601: when its parent looked after it last; null where it has none. */
  attended_at: string | null;
  job: string | null;
  /** What its other threads have in hand. */
  thread_jobs: readonly string[];
  /** Those of them at which a call hangs. */
  hanging_jobs: readonly string[];
  place: string;
}

/** What `process.title` of every process of ours begins with, as the kernel keeps it. */
const COMM = 'atomic-ingestor';
/** Beats are due every second; a busy machine skips some. */
const SILENT_MS = 6 * limits.beatEveryMs;

/** Remembers the beats from look to look. */
export class ProcessWatch {
  readonly #beats = new Map<OwnerId, { beat: number; sinceMs: number }>();
  #lookedMs = Number.NEGATIVE_INFINITY;

  /** `nowMs`: of a clock that stands while the machine is suspended (performance.now() is one, and loads a module for it). */
  look(view: Pick<QueueView, 'owners' | 'nowMs'>, nowMs = process.uptime() * 1000): Process[] {
    // Who was suspended itself saw no beats: it begins anew.
    if (nowMs - this.#lookedMs > SILENT_MS / 2) this.#beats.clear();
    this.#lookedMs = nowMs;
    const slots = view.owners();
    const at = (bootMs: number) => iso(Date.now() - Math.max(0, view.nowMs() - bootMs));
    for (const id of this.#beats.keys()) if (!slots.some(({ owner }) => owner === id)) this.#beats.delete(id);
    return slots.map(({ owner, pid, title, alive, job, threads, place, beat, attendedMs }) => {
      const quietMs = alive ? this.#quietMs(owner, beat, nowMs) : 0;
      const seen = alive ? seenInProc(pid) : undefined;
      const stopped = seen?.stopped === true;
      const condition = !alive ? 'dead' : stopped ? 'stopped' : quietMs > SILENT_MS ? 'silent' : 'at work';
      const parentStopped = seen !== undefined && seenInProc(seen.parent)?.stopped === true;
      return {
        ...{ owner, pid, title, alive, condition, quiet_seconds: Math.floor(quietMs / 1_000) },
        last_beat_at: alive ? at(beat) : null,
        attended_at: attendedMs > 0 ? at(attendedMs) : null,
        ...{ parent_stopped: parentStopped, parent_pid: seen?.parent ?? null, job, place },
        thread_jobs: threads.map((hand) => hand.job),
        hanging_jobs: threads.flatMap((hand) => (alive && hand.hangs ? [hand.job] : [])),
      };
    });
  }

  #quietMs(owner: OwnerId, beat: number, nowMs: number): number {
    const before = this.#beats.get(owner);
    if (before?.beat === beat) return nowMs - before.sinceMs;
    this.#beats.set(owner, { beat, sinceMs: nowMs });
    return 0;
  }
}

/** Undefined where there is no such process of ours here. proc(5): pid (comm) state ppid … */
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
