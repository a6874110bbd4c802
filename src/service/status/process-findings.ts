/** Processes that live and are not at work: stopped, or silent. */

import { typed } from '../../base/shell.js';
import { type Finding, finding } from '../../ingest/health/finding.js';
import type { Process } from '../../ingest/health/processes.js';
import { RELEASE_SILENT } from '../../ingest/health/standstill.js';
import { PRODUCER } from '../../ingest/ledger/services.js';

/** Codes of findings about processes that are at work, or should be. */
export const OF_PROCESSES: readonly string[] = [
  'nobody',
  'no_worker',
  'no_producer',
  'process_stopped',
  'process_silent',
];

/** The findings that make a check of the service fail, beside ages and held files. */
export const notAtWork = (findings: readonly Finding[]): Finding[] =>
  findings.filter(({ code, severity }) => severity === 'stuck' && OF_PROCESSES.includes(code));

export function processFindings(processes: readonly Process[]): Finding[] {
  return [...processes.flatMap(ofProcess), ...processes.flatMap(ofCalls), ...ofParents(processes)];
}

/** Other files go on, so the finding is about this file alone. */
const ofCalls = ({ title, pid, hanging_jobs: jobs }: Process): Finding[] =>
  jobs.map((job) =>
    finding('stuck', 'call_hangs', {
      what: job,
      files: 1,
      sentence: `A call on the file of job ${job} does not end in the process "${title}" (pid ${pid}): the file system that the file lies in, or is to be moved to, does not answer.`,
      release: `${typed('ingest-ctl explain', job)} says which file: check its mount, and the disk or server of that mount`,
    }),
  );

const STOPPED = '(SIGSTOP, or a debugger)';

function ofProcess(one: Process): Finding[] {
  const { title, pid, condition, quiet_seconds: quiet, place, parent_stopped: parent, last_beat_at: since } = one;
  const name = `The process "${title}" (pid ${pid})`;
  if (condition === 'stopped') {
    return [
      finding('stuck', 'process_stopped', {
        what: String(pid),
        since,
        sentence: `${name} is stopped${parent ? ', and so is its parent' : ''} ${STOPPED}; ${whatStands(title)}.`,
        release: `kill -CONT ${pid}, or kill -KILL: its files are given to others then`,
      }),
    ];
  }
  if (condition !== 'silent') return [];
  const where = place === '' ? '' : `, at the ${place}`;
  return [
    finding('stuck', 'process_silent', {
      what: String(pid),
      since,
      sentence: `${name} has given no sign of life for ${quiet} s${where}; ${whatStands(title)}.`,
      release: RELEASE_SILENT,
    }),
  ];
}

function whatStands(title: string): string {
  switch (title) {
    case PRODUCER:
      return 'new files are not noticed';
    case 'dashboard':
      return 'its page stands still';
    case 'notifier':
      return 'alarms are not sent';
    default:
      return 'its files in progress wait for it';
  }
}

/** A parent does no work itself, so its children go on. But nobody restarts or kills them any more. */
function ofParents(processes: readonly Process[]): Finding[] {
  const orphaned = processes.filter(({ parent_stopped: stopped }) => stopped);
  const parents = new Set(orphaned.map(({ parent_pid: pid }) => pid!));
  return [...parents].map((pid) => {
    const children = orphaned.filter(({ parent_pid: parent }) => parent === pid);
    const names = [...new Set(children.map(({ title }) => `"${title}"`))].sort().join(' and ');
    const attended = children.flatMap(({ attended_at: at }) => at ?? []).sort();
    return finding('stuck', 'process_stopped', {
      what: String(pid),
      since: attended.at(-1) ?? null,
      sentence: `The parent of ${names} (pid ${pid}) is stopped ${STOPPED}: a child that ends is not started again, one that hangs is not killed, and no signal ends the service.`,
      release: `kill -CONT ${pid}`,
    });
  });
}
