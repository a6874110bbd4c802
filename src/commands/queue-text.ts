/** Everything that queue-stat knows, for people: `queue-stat --all`. */
import { safeText, shownBytes, shownSeconds } from '../base/telemetry/safe.js';
import type { Finding } from '../ingest/health/finding.js';
import { waitsText } from '../ingest/stages/waits.js';
import type { PlaceReport } from '../service/figures/free-space.js';
import type { Report } from '../service/status/report.js';
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

/** The lines below the tables: rates, when the backlog is done, free space, version and uptime. A line each, as on the page. */
export function figuresText({ throughput, places, service }: Report): string[] {
  const [all] = throughput;
  const { version, uptime_seconds: uptime } = service;
  return [
    ...(all === undefined || throughput.length === 1 ? [] : [rateText(all)]),
    ...filesystems(places).map((same) => spaceText(same, places)),
    `version ${version}${uptime === null ? '' : `, up for ${shownSeconds(uptime)}`}`,
  ];
}

function rateText(of: Report['throughput'][number]): string {
  const rate = `${of.files_per_second} files/s, ${shownBytes(of.bytes_per_second)}/s`;
  if (of.backlog_files === 0) return rate;
  const eta = of.eta_seconds === null ? `nobody knows when they are done: ${of.eta_unknown}` : doneText(of.eta_seconds);
  return `${rate}; ${of.backlog_files} complete ${of.backlog_files === 1 ? 'file waits' : 'files wait'}, ${eta}`;
}

export const doneText = (seconds: number): string => `done in about ${shownSeconds(seconds)} if nothing new comes`;

/** Places of the same filesystem together: they have the same room. */
const filesystems = (places: readonly PlaceReport[]): PlaceReport[][] => [
  ...Map.groupBy(places, ({ device, path }) => device ?? path).values(),
];

/** With the feeds, where there are several. */
function namesOf(places: readonly PlaceReport[], all: readonly PlaceReport[]): string {
  const feedsOf = (of: readonly PlaceReport[]) =>
    [...new Set(of.map(({ feed }) => feed))].filter((feed) => feed !== '*');
  const count = feedsOf(all).length;
  return [...new Set(places.map(({ place }) => place))]
    .map((place) => {
      const feeds = feedsOf(places.filter((one) => one.place === place));
      if (feeds.length === 0 || count < 2) return place;
      return `${place} of ${feeds.length === count ? 'every feed' : feeds.join(' and ')}`;
    })
    .join(', ');
}

const whyUnknown = (path: string, error: string | null): string =>
  error === null ? `no answer from ${path}` : error === 'ENOENT' ? `${path} is missing` : `${path} fails (${error})`;

function spaceText(places: readonly PlaceReport[], all: readonly PlaceReport[]): string {
  const names = namesOf(places, all);
  const [{ path, error, free_bytes: free, size_bytes: size }] = places as [PlaceReport];
  if (free === null || size === null) return `free for ${names}: ${whyUnknown(path, error)}`;
  const mark = Math.max(...places.map(({ min_free_bytes: least }) => least ?? 0));
  return `free for ${names}: ${shownBytes(free)} of ${shownBytes(size)}${mark > 0 ? ` (watermark ${shownBytes(mark)})` : ''}`;
}
