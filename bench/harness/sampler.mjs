/**
 * Looks at the processes of a run a few times a second: proportional memory of them all together, the peak of each,
 * and their CPU time for where no control group counts it.
 * Does not: see a process that lives shorter than the pause between two looks, nor the CPU time of its last moments.
 */
import { readdirSync, readFileSync } from 'node:fs';

const EVERY_MS = 200;

export class Sampler {
  /** Bytes of the whole tree at its largest (PSS: shared pages count once). */
  peakTree = 0;
  #seen = new Map();
  #timer;
  #pids;

  constructor(pids, byItself = true) {
    this.#pids = pids;
    if (byItself) this.#timer = setInterval(() => this.look(), EVERY_MS);
  }

  look() {
    let together = 0;
    for (const pid of this.#pids()) {
      const now = lookAt(pid);
      if (!now) continue;
      together += now.pss;
      this.#seen.set(pid, now);
    }
    this.peakTree = Math.max(this.peakTree, together);
  }

  /** What each process was and what it took at most. */
  get processes() {
    return [...this.#seen].map(([pid, { title, peak }]) => ({ pid, title, peakMb: mb(peak) }));
  }

  /** Of the processes that are there now. */
  get switches() {
    return this.#pids().reduce((sum, pid) => sum + switchesOf(pid), 0);
  }

  /** Bytes that they caused to be written so far. */
  get written() {
    return this.#pids().reduce(
      (sum, pid) => sum + Number(/^write_bytes: (\d+)/m.exec(read(`/proc/${pid}/io`))?.[1] ?? 0),
      0,
    );
  }

  cpu() {
    const all = [...this.#seen.values()];
    const sum = (field) => all.reduce((total, one) => total + one[field], 0) / 100;
    return { userS: sum('user'), sysS: sum('system') };
  }

  stop() {
    clearInterval(this.#timer);
  }
}

export const mb = (bytes) => Math.round(bytes / 104_857.6) / 10;

export function descendants(pid) {
  const children = tasksOf(pid).flatMap((task) =>
    read(`/proc/${pid}/task/${task}/children`).split(' ').filter(Boolean),
  );
  return [pid, ...children.flatMap((child) => descendants(Number(child)))];
}

function lookAt(pid) {
  const status = read(`/proc/${pid}/status`);
  const peak = /^VmHWM:\s+(\d+)/m.exec(status)?.[1];
  if (peak === undefined) return undefined; // it ended
  const pss = Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0);
  const times = read(`/proc/${pid}/stat`).split(') ').at(-1).split(' ');
  const title = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim().slice(0, 120);
  return { title, peak: Number(peak) * 1024, pss: pss * 1024, user: Number(times[11]), system: Number(times[12]) };
}

function switchesOf(pid) {
  return tasksOf(pid).reduce((sum, task) => {
    const status = read(`/proc/${pid}/task/${task}/status`);
    return sum + Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  }, 0);
}

function tasksOf(pid) {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return []; // it ended
  }
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
