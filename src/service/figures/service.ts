/** Which build answers, and since when the service has been running. */
import { readFileSync } from 'node:fs';
import type { Process } from '../../ingest/health/processes.js';
import type { Text } from '../../linux/index.js';
import { packageVersion } from '../../package.js';

/** The oldest process at work, or its parent: a child may have been started again since. A dashboard or a notifier alone ingests nothing. */
export function serviceReport(processes: readonly Process[]) {
  const working = processes.filter(({ alive, title }) => alive && !BESIDE.includes(title));
  const starts = working.flatMap(({ pid, parent_pid: parent, attended_at: attended }) => {
    const its = attended === null ? [pid] : [pid, parent ?? pid];
    return its.flatMap((one) => startOf(one) ?? []);
  });
  const startedMs = starts.length === 0 ? undefined : Math.min(...starts);
  return {
    /** The build that answers. */
    version: packageVersion(),
    /** ISO 8601; null where no process is at work, or none can be seen from here. */
    started_at: startedMs === undefined ? null : new Date(startedMs).toISOString(),
    uptime_seconds: startedMs === undefined ? null : Math.max(0, Math.floor((Date.now() - startedMs) / 1_000)),
  };
}

const BESIDE: readonly string[] = ['dashboard', 'notifier'];
/** proc(5): starttime is given in ticks, of which Linux shows programs a hundred a second on every machine. */
const TICKS = 100;
const STARTTIME = 19;

/** When a process was started, in ms; undefined where it cannot be seen. The same each time it is asked. */
function startOf(pid: number): number | undefined {
  try {
    const stat: Text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [, booted] = /^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'latin1'))!;
    return (Number(booted) + Number(fields[STARTTIME]) / TICKS) * 1_000;
  } catch {
    return undefined;
  }
}
