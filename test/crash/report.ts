/** docs/crash-report.md, written from a journal: what was injected, how often, where, and what came of it. */
import { cpus, release } from 'node:os';
import { type Call, ERRORS } from './control.js';
import type { OpenGrounds } from './grounds.js';
import type { Entry, Journal } from './journal.js';
import { faultsOf, PARTS } from './plan.js';
import { pointOf } from './points.js';

const WHAT = {
  kill: 'SIGKILL before or after a call',
  error: 'a call that fails, once or from there on',
  recovery: 'SIGKILL, and a second one in the recovery',
  processes: 'SIGKILL of one of the real processes',
};

export function reportOf(journal: Journal, calls: readonly Call[], { crossed }: OpenGrounds): string {
  const { entries, head } = journal;
  const hit = entries.filter(({ points }) => points.at(-1) != null);
  const violated = entries.filter(({ violations }) => violations.length > 0);
  return [
    '# Crash report',
    '',
    'Written by `npm run crash`; nothing in it is typed by hand.',
    '',
    `Version ${head.version}, seed \`${head.seed}\`, begun ${head.begun}. ${cpus().length} cores (${cpus()[0]?.model.trim()}), Linux ${release()}, Node ${process.version}.`,
    ...(crossed ? [] : ['', 'Not tested: the copy to another filesystem.']),
    '',
    `A run of the scene without a fault makes ${calls.length} calls that may change a file, at ${new Set(calls.map(pointOf)).size} distinct points (stage, call, path).`,
    `**${hit.length} rounds with a fault, ${violated.length} with a violation.**`,
    '',
    '| part | rounds | with the fault reached | violations | after `ingest-ctl retry` |',
    '|---|--:|--:|--:|--:|',
    ...PARTS.map((part) => rowOf(part, WHAT[part], entries)),
    '',
    '## Errors injected',
    '',
    '| error | once | from there on |',
    '|---|--:|--:|',
    ...ERRORS.map((error) => `| ${error} | ${countOf(hit, `${error} once`)} | ${countOf(hit, `${error} on`)} |`),
    '',
    ...pointsOf(hit, calls),
    ...(journal.mended.length === 0
      ? []
      : ['## Violated once, and run again after a mend of product or harness', '', ...journal.mended.map(toldOf), '']),
    ...(violated.length === 0 ? [] : ['## Violations', '', ...violated.map(toldOf), '']),
  ].join('\n');
}

function rowOf(part: string, what: string, entries: readonly Entry[]): string {
  const of = entries.filter((entry) => entry.part === part);
  const reached = of.filter(({ points }) => points.at(-1) != null).length;
  const violated = of.filter(({ violations }) => violations.length > 0).length;
  return `| ${part}: ${what} | ${of.length} | ${reached} | ${violated} | ${of.filter(({ retried }) => retried).length} |`;
}

const countOf = (entries: readonly Entry[], prefix: string): number =>
  entries.filter(({ name }) => name.startsWith(prefix)).length;

const toldOf = ({ name, points, violations }: Entry): string =>
  `- \`${name}\` at ${points.join(' and ')}: ${[...new Set(violations.map(({ kind }) => kind))].join(', ')}`;

/** How often each point of the baseline was met, and which never. */
function pointsOf(hit: readonly Entry[], calls: readonly Call[]): string[] {
  const met = new Map<string, { before: number; after: number; failed: number }>();
  for (const { name, points } of hit) {
    const fault = faultsOf(name)?.[0];
    if (!fault || points[0] == null) continue;
    const counts = met.get(points[0]) ?? { before: 0, after: 0, failed: 0 };
    if (fault.kind === 'kill before') counts.before++;
    else if (fault.kind === 'kill after') counts.after++;
    else counts.failed++;
    met.set(points[0], counts);
  }
  const all = [...new Set([...calls.map(pointOf), ...met.keys()])].sort();
  const none = { before: 0, after: 0, failed: 0 };
  const never = all.filter((point) => {
    const { before, after, failed } = met.get(point) ?? none;
    return before === 0 || after === 0 || failed === 0;
  });
  const missing = (point: string): string => {
    const counts = met.get(point) ?? none;
    return (['before', 'after', 'failed'] as const).filter((what) => counts[what] === 0).join(', ');
  };
  return [
    '## Points',
    '',
    '| stage, call, path | killed before | killed after | failed |',
    '|---|--:|--:|--:|',
    ...all.map((point) => {
      const { before, after, failed } = met.get(point) ?? none;
      return `| ${point} | ${before} | ${after} | ${failed} |`;
    }),
    '',
    `Never reached in some way: ${never.length}.`,
    '',
    ...never.map((point) => `- ${point}: ${missing(point)}`),
    '',
  ];
}
