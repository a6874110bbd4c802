/**
 * A control group for the processes of one run: their CPU time, exact to the last grandchild, whoever reaped it, and their
 * peak memory where the kernel counts it.
 * Uses: a v2 group (cpu.stat is there without any controller), else v1 cpuacct; v2 or v1 memory.
 * Does not: make groups below one that another program made (a service manager's, a container's): those have one writer.
 *   Only at the top of a hierarchy in which this process already is, or below BENCH_CGROUP, a v2 group that was delegated to it.
 */
import { mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';

let made = 0;

/** Answers a group, possibly with nothing in it: then `procs` is empty and the caller samples /proc. */
export function openGroup() {
  const name = `atomic-ingestor-bench-${process.pid}-${made++}`;
  const { v2, cpuacct, memory } = tops();
  const unified = makeBelow(v2, name);
  const cpuV1 = unified ? undefined : makeBelow(cpuacct, name);
  const memoryV1 = unified && readIn(unified, 'memory.peak') ? undefined : makeBelow(memory, name);
  const all = [unified, cpuV1, memoryV1].filter(Boolean);
  return {
    /** A process joins by writing its pid into each of these. */
    procs: all.map((folder) => join(folder, 'cgroup.procs')),
    pids: () => (all[0] ? readIn(all[0], 'cgroup.procs').split('\n').filter(Boolean).map(Number) : undefined),
    /** Seconds so far, or undefined. */
    cpu: () => (unified ? cpuOfV2(unified) : cpuV1 ? cpuOfV1(cpuV1) : undefined),
    cpuFrom: unified ? 'cgroup v2' : cpuV1 ? 'cgroup v1' : 'sampled',
    /** Bytes with the page cache that was charged to it, or undefined. */
    peakWithCache: () =>
      Number(
        (unified && readIn(unified, 'memory.peak')) || (memoryV1 && readIn(memoryV1, 'memory.max_usage_in_bytes')),
      ) || undefined,
    close: () => all.forEach(removeGroup),
  };
}

/** The tops of hierarchies in which this process is no part of another's group. */
function tops() {
  const mounts = lines('/proc/self/mounts').map((line) => line.split(' '));
  const own = lines('/proc/self/cgroup')
    .map((line) => /^\d+:([^:]*):(.*)$/.exec(line))
    .filter(Boolean);
  const atTop = (controller) => own.some(([, names, path]) => names.split(',').includes(controller) && path === '/');
  const v1 = (controller) =>
    atTop(controller)
      ? mounts.find(([, , type, flags]) => type === 'cgroup' && flags.split(',').includes(controller))?.[1]
      : undefined;
  const given = process.env.BENCH_CGROUP;
  const v2 = given ?? (atTop('') ? mounts.find(([, , type]) => type === 'cgroup2')?.[1] : undefined);
  return { v2, cpuacct: v1('cpuacct'), memory: v1('memory') };
}

function makeBelow(top, name) {
  if (top === undefined) return undefined;
  const folder = join(top, name);
  try {
    mkdirSync(folder);
    return folder;
  } catch {
    return undefined; // not ours to write: the samples do
  }
}

/** Whoever is still in it has been killed by the caller; its last moments are waited for by trying again. */
function removeGroup(folder) {
  for (let tries = 0; tries < 50; tries++) {
    try {
      return rmdirSync(folder);
    } catch (error) {
      if (error.code !== 'EBUSY') return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    }
  }
}

function cpuOfV2(folder) {
  const stat = Object.fromEntries(
    readIn(folder, 'cpu.stat')
      .split('\n')
      .map((line) => line.split(' ')),
  );
  return { userS: stat.user_usec / 1e6, sysS: stat.system_usec / 1e6 };
}

/** In USER_HZ, which is 100 on every Linux that Node runs on. */
function cpuOfV1(folder) {
  const [, user, system] = /user (\d+)\nsystem (\d+)/.exec(readIn(folder, 'cpuacct.stat'));
  return { userS: user / 100, sysS: system / 100 };
}

function readIn(folder, name) {
  try {
    return readFileSync(join(folder, name), 'utf8').trim();
  } catch {
    return '';
  }
}

const lines = (path) => readFileSync(path, 'utf8').trim().split('\n');
