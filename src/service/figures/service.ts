/** Which build answers, and since when the service has been running. */
import { readFileSync } from 'node:fs';
import type { Process } from '../../ingest/health/processes.js';
import type { Text } from '../../linux/index.js';
import { packageVersion } from '../../package.js';

/** The oldest process at work, or its parent: a child may have been started again since. A dashboard or a notifier alone ingests nothing. */
export function serviceReport(processes: readonly Process[], nowMs = Date.now()) {
  const working = processes.filter(({ alive, title }) => alive && !BESIDE.includes(title));
  const ages = working.flatMap(({ pid, parent_pid: parent, attended_at: attended }) => {
    const its = attended === null ? [pid] : [pid, parent ?? pid];
    return its.flatMap((one) => ageOf(one) ?? []);
  });
  const seconds = ages.length === 0 ? null : Math.floor(Math.max(...ages));
  return {
    /** The build that answers. */
    version: packageVersion(),
    /** ISO 8601; null where no process is at work, or none can be seen from here. */
    started_at: seconds === null ? null : new Date(nowMs - seconds * 1_000).toISOString(),
    uptime_seconds: seconds,
  };
}

const BESIDE: readonly string[] = ['dashboard', 'notifier'];
/** proc(5): starttime is given in ticks, of which Linux shows programs a hundred a second on every machine. */
const TICKS = 100;
const STARTTIME = 19;

/** Seconds since a process was started; undefined where it cannot be seen. */
function ageOf(pid: number): number | undefined {
  try {
    const stat: Text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [uptime] = readFileSync('/proc/uptime', 'latin1').split(' ');
    return Math.max(0, Number(uptime) - Number(fields[STARTTIME]) / TICKS);
  } catch {
    return undefined;
  }
}
