/**
 * The report of queue-stat on a terminal, whose last lines are all that is seen: what is wrong is visible, whatever else there is.
 * Printed once, the tables come first. Watched, what is wrong comes first, and the text ends where the screen does.
 */
import { safeText } from '../base/telemetry/safe.js';
import type { Finding } from '../ingest/health/finding.js';
import type { Report } from '../service/status/report.js';
import { findingText, tablesText } from './queue-text.js';

export interface Screen {
  columns: number;
  rows: number;
}

/** While it is watched, so many rows are left for the first table. */
const TABLE_ROWS = 12;
/** The prompt that follows, and the line before what is wrong. */
const PROMPT_ROWS = 2;

export function printedText(report: Report, { columns, rows }: Screen): string {
  const wrong = fitting(report.findings, columns, rows - PROMPT_ROWS);
  return [tablesText(report), ...(wrong.length > 0 ? ['', ...wrong] : [])].join('\n');
}

export function watchedText(report: Report, { columns, rows }: Screen): string {
  const wrong = fitting(report.findings, columns, rows - TABLE_ROWS);
  const lines = [...wrong, ...(wrong.length > 0 ? [''] : []), ...tablesText(report).split('\n')];
  // The last row stays empty: an end of line there would move the first one out.
  if (lines.length < rows) return lines.join('\n');
  const shown = lines.slice(0, rows - 2);
  return [...shown, `… ${lines.length - shown.length} more lines: queue-stat without --watch`].join('\n');
}

/** Lines for the findings, the worst first. Those that do not fit as a whole have one line each, without what to do. */
function fitting(findings: readonly Finding[], columns: number, rows: number): string[] {
  const shown = findings.slice(0, Math.max(1, rows - 1));
  const rest = findings.length - shown.length;
  let spare = rows - shown.length - Number(rest > 0);
  const lines = shown.flatMap((finding) => {
    const whole = findingText(finding, columns).split('\n');
    if (whole.length - 1 > spare) return [cut(safeText(`${finding.severity}: ${finding.sentence}`), columns)];
    spare -= whole.length - 1;
    return whole;
  });
  return rest > 0 ? [...lines, `… and ${rest} more: queue-stat | less`] : lines;
}

const cut = (text: string, columns: number): string =>
  text.length <= columns ? text : `${text.slice(0, columns - 1)}…`;
