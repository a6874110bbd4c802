/** Everything that queue-stat knows, for people: `queue-stat --all`. */

import { safeText, shownBytes, shownSeconds } from '../base/telemetry/safe.js';
import type { Finding } from '../ingest/health/finding.js';
import { waitsText } from '../ingest/stages/waits.js';
import type { Report } from '../service/status/report.js';
import { figuresText } from './queue-figures.js';
import { wrapped } from './screen.js';
import { tableOf } from './table.js';

/** The columns of AGE_BOUNDS. */
const AGES = ['<10s', '<1m', '<10m', '<1h', '<8h', '<1d', '<7d', 'older'];
/** More directories or suffixes are one row. */
const ROWS_MAX = 20;
const COLUMNS = 80;
const HEAD = ['stage', 'ready', 'deferred', 'claimed', 'waiting', 'held', 'oldest age', 'files/s', 'bytes'];

/** What is wrong comes first. */
export function reportText(report: Report): string {
  const wrong = report.findings.map(findingText);
  return [...wrong, ...(wrong.length > 0 ? [''] : []), tablesText(report)].join('\n');
}

/** Everything but what is wrong. */
function tablesText(report: Report): string {
  const feeds = new Set(report.stages.map(({ feed }) => feed));
  const parts = [...feeds].map((feed) => feedTable(report, feed, feeds.size > 1));
  if (feeds.size === 0) parts.push('no feed has been recorded in this state yet; start ingest or ingest-producer.');
  const ages = agesTable(report.ages);
  if (ages !== undefined) parts.push(ages);
  for (const line of figuresText(report)) parts.push(...wrapped(safeText(line), '', COLUMNS));
  parts.push(...wrapped(safeText(processesText(report.workers)), '', COLUMNS));
  return parts.join('\n');
}

/** Shows the processes that live, and those whose death was not noticed yet. */
export function processesTable(processes: Report['workers']): string {
  if (processes.length === 0) return 'no process is at work on this state';
  const rows = processes.map(({ title, pid, condition, quiet_seconds: quiet, place, job }) => [
    ...[safeText(title), pid, condition, quiet < 2 ? '-' : shownSeconds(quiet), safeText(job ?? (place || '-'))],
  ]);
  return tableOf(['process', 'pid', 'condition', 'quiet for', 'job'], rows);
}

function processesText(processes: Report['workers']): string {
  const living = processes.filter(({ alive }) => alive);
  if (living.length === 0) return 'no process is at work on this state';
  const names = living.map(
    ({ title, pid, condition }) => `${title} (${pid}${condition === 'at work' ? '' : `, ${condition}`})`,
  );
  return `${living.length} ${living.length === 1 ? 'process' : 'processes'}: ${names.join(', ')}`;
}

/** `stuck: …` or `notice: …`, and below it since when and what to do. */
export function findingText({ severity, sentence, since, release }: Finding): string {
  const when = since === null ? '' : `since ${since.replace(/\.\d+Z$/, 'Z')}: `;
  const advice = release === '' ? [] : wrapped(safeText(`${when}${release}`), '    ', COLUMNS);
  return [...wrapped(safeText(`${severity}: ${sentence}`), '', COLUMNS), ...advice].join('\n');
}

/** Nothing where nothing waits. */
function agesTable({ by, rows }: Report['ages']): string | undefined {
  if (rows.every(({ files }) => files === 0)) return undefined;
  const shown = rows.slice(0, ROWS_MAX);
  const rest = rows.slice(ROWS_MAX);
  const cells = shown.map(({ name, files, by_age }) => [nameOf(name, by), files, ...by_age]);
  if (rest.length > 0)
    cells.push([
      `${rest.length} others`,
      rest.reduce((sum, { files }) => sum + files, 0),
      ...AGES.map((_, column) => rest.reduce((sum, { by_age }) => sum + by_age[column]!, 0)),
    ]);
  return `by age:\n${tableOf([by, 'files', ...AGES], cells)}\n`;
}

const nameOf = (name: string, by: string): string =>
  name !== '' ? name : by === 'suffix' ? '(no suffix)' : '(the input itself)';

function feedTable(report: Report, feed: string, named: boolean): string {
  const rows = report.stages
    .filter((stage) => stage.feed === feed)
    .map((s) => [
      ...[s.stage, s.ready, s.deferred, s.claimed, s.waiting, s.held],
      ...[
        s.oldest_age_seconds === 0 ? '-' : shownSeconds(s.oldest_age_seconds),
        s.files_per_second,
        shownBytes(s.bytes),
      ],
    ]);
  const totals = report.totals
    .filter((total) => total.feed === feed && total.files > 0)
    .map(({ name, files, bytes }) => `${files} ${name} (${shownBytes(bytes)})`);
  const table = tableOf(HEAD, rows);
  const records = report.records.filter((one) => one.feed === feed).map(recordsText);
  const waits = waitsText(report.waits.filter((one) => one.feed === feed));
  const waiting = waits === '' ? '' : `${wrapped(`waiting: ${waits}`, '', COLUMNS).join('\n')}\n`;
  return `${named ? `${safeText(feed)}:\n` : ''}${table}\n${waiting}so far: ${totals.join(', ') || 'nothing'}\n${records.join('')}`;
}

const recordsText = (of: Report['records'][number]): string =>
  `records: ${of.records} (${of.rejected} rejected), ${of.outputs} outputs (${shownBytes(of.output_bytes)}); ${of.records_per_second} records/s\n`;
