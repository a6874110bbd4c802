/**
 * queue-stat without options: one line a feed, what waits, what is held, and what is wrong with one command each.
 * Guarantees: it fits the screen whatever is wrong, and the worst is on it. A sentence is cut, a command never: it takes two rows
 * where it is longer than the screen is wide. A pipe has no height: there nothing is left out.
 */
import { typed } from '../base/shell.js';
import { safeText, shownBytes, shownSeconds } from '../base/telemetry/safe.js';
import type { Finding } from '../ingest/health/finding.js';
import { waitsText, waitsTogether } from '../ingest/stages/waits.js';
import { type FeedLine, feedLines } from '../service/status/feed-lines.js';
import { isOfHeld, type Report } from '../service/status/report.js';
import { doneText } from './queue-text.js';
import { cut, rowsOf, type Screen, wrapped } from './screen.js';
import { tableOf } from './table.js';

/** With more feeds than this, what waits and what is held have a row each. */
const FEW_FEEDS = 6;
/** Rows that feeds leave to findings: one with its command, and one more sentence. */
const FINDING_ROWS = 3;
const HEAD = ['feed', 'state', 'waiting', 'held', 'oldest', 'bytes', 'stored', 'files/s'];
const NAME_COLUMNS = 20;

/** `said`: completes a command for its reader. */
export function screenLines(report: Report, { columns, rows }: Screen, said: (text: string) => string): string[] {
  const feeds = feedLines(report);
  const lists = Number.isFinite(rows) ? (feeds.length > FEW_FEEDS ? 1 : 2) : rows;
  const top = [
    cut(safeText(summary(report, feeds)), columns),
    ...clipped(waitsLine(report), columns, lists),
    ...clipped(heldLine(report), columns, lists),
  ];
  const all = said(typed('queue-stat --all'));
  const room = rows - top.length - 1 - rowsOf(all, columns);
  const reserved = Math.min(FINDING_ROWS, 2 * report.findings.length);
  const table = feedTable(feeds, columns, room - reserved);
  const { lines, left } = findingLines(report, columns, room - table.length, said);
  const [first, ...others] = top as [string, ...string[]];
  return [first, ...table, ...others, ...lines, left > 0 ? `… and ${left} more. Everything:` : 'Everything:', all];
}

/** `2 stuck, 1 notice; 12 waiting, 3 held; 4.1 files/s, done in about 3m if nothing new comes` */
function summary({ findings, throughput }: Report, feeds: readonly FeedLine[]): string {
  const stuck = findings.filter(({ severity }) => severity === 'stuck').length;
  const notices = findings.length - stuck;
  const counts = [
    ...(stuck > 0 ? [`${stuck} stuck`] : []),
    ...(notices > 0 ? [`${notices} ${notices === 1 ? 'notice' : 'notices'}`] : []),
  ];
  const sum = (of: (one: FeedLine) => number) => feeds.reduce((total, one) => total + of(one), 0);
  const files = `${sum(({ waiting }) => waiting)} waiting, ${sum(({ held }) => held)} held`;
  const [all] = throughput;
  const eta =
    all === undefined || all.eta_seconds === null || all.backlog_files === 0 ? '' : `, ${doneText(all.eta_seconds)}`;
  const rate = all === undefined ? '' : `; ${all.files_per_second} files/s${eta}`;
  return `${counts.length > 0 ? counts.join(', ') : 'nothing is wrong'}; ${files}${rate}`;
}

function feedTable(feeds: readonly FeedLine[], columns: number, rows: number): string[] {
  if (feeds.length === 0) return ['no feed has been recorded in this state yet; start ingest or ingest-producer.'];
  const isFull = feeds.length + 1 > rows;
  const shown = isFull ? feeds.slice(0, Math.max(1, rows - 2)) : feeds;
  const cells = shown.map((one) => [
    cut(safeText(one.feed), Number.isFinite(rows) ? NAME_COLUMNS : rows),
    ...[one.state, one.waiting, one.held],
    ...[one.oldest_age_seconds === 0 ? '-' : shownSeconds(one.oldest_age_seconds), shownBytes(one.bytes)],
    ...[one.stored, one.files_per_second],
  ]);
  const lines = tableOf(HEAD, cells)
    .split('\n')
    .map((line) => cut(line, columns));
  return isFull ? [...lines, `… and ${feeds.length - shown.length} more feeds`] : lines;
}

const waitsLine = ({ waits }: Report): string => labelled('waiting', waitsText(waitsTogether(waits)));

/** `held: 7 checksum_mismatch (the oldest for 2h), 3 too_large (the oldest for 5m)`; the cause with most files first. */
function heldLine(report: Report): string {
  const held = report.findings.filter((one) => isOfHeld(report, one));
  const texts = [...Map.groupBy(held, ({ code }) => code)]
    .map(([code, its]) => ({ code, its, files: its.reduce((sum, { files }) => sum + files, 0) }))
    .sort((a, b) => b.files - a.files)
    .map(({ code, its, files }) => {
      const sinceMs = Math.min(...its.map(({ since }) => Date.parse(since!)));
      return `${files} ${code} (the oldest for ${age(sinceMs)})`;
    });
  return labelled('held', texts.join(', '));
}

const labelled = (label: string, text: string): string => (text === '' ? '' : `${label}: ${text}`);

const age = (sinceMs: number): string => shownSeconds(Math.max(0, (Date.now() - sinceMs) / 1_000));

function clipped(text: string, columns: number, rows: number): string[] {
  if (text === '') return [];
  const lines = wrapped(safeText(text), '', columns);
  return lines.length <= rows ? lines : [...lines.slice(0, rows - 1), cut(`${lines[rows - 1]} …`, columns)];
}

/** The worst first, each a sentence and a command. Those that have room are whole. */
function findingLines(
  report: Report,
  columns: number,
  rows: number,
  said: (text: string) => string,
): { lines: string[]; left: number } {
  const heightOf = (lines: readonly string[]) => lines.reduce((sum, line) => sum + rowsOf(line, columns), 0);
  let spare = rows;
  const short: string[][] = [];
  for (const finding of report.findings) {
    const lines = shortText(report, finding, columns, said);
    if (heightOf(lines) > spare) {
      // There is no room for a command: the worst is named alone.
      if (short.length === 0 && spare > 0) short.push(lines.slice(0, 1));
      break;
    }
    spare -= heightOf(lines);
    short.push(lines);
  }
  const lines = short.flatMap((its, i) => {
    const whole = wholeText(report.findings[i]!, columns);
    const more = heightOf(whole) - heightOf(its);
    if (more > spare) return its;
    spare -= Math.max(0, more);
    return whole;
  });
  return { lines, left: report.findings.length - short.length };
}

const INDENT = '    ';

const headOf = ({ severity, sentence, since }: Finding): string =>
  safeText(`${severity}${since === null ? '' : ` for ${age(Date.parse(since))}`}: ${sentence}`);

/** A command that is all that is to do stands alone, so that its line can be pasted. */
function wholeText(finding: Finding, columns: number): string[] {
  const release = safeText(finding.release.replace(/^`([^`]+)`$/, '$1'));
  const act = release === finding.release ? wrapped(release, INDENT, columns) : [`${INDENT}${release}`];
  return [...wrapped(headOf(finding), '', columns), ...(release === '' ? [] : act)];
}

/** What is held needs its remedy read, which a retry alone seldom is: its command shows both. */
function shortText(report: Report, finding: Finding, columns: number, said: (text: string) => string): string[] {
  const { release, feed, code } = finding;
  const act = isOfHeld(report, finding) ? said(typed('ingest-ctl held', '--code', code, '--feed', feed)) : release;
  // A command in the middle is the second thing to do.
  const [, command] = /^`([^`]+)`/.exec(act) ?? [];
  const what = command === undefined ? cut(safeText(act), columns - INDENT.length) : safeText(command);
  return [cut(headOf(finding), columns), ...(what === '' ? [] : [`${INDENT}${what}`])];
}
