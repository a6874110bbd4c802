/** The same histories as tables: twelve rows of the curves, and the times of the stages. */
import { $, setText } from '../ground/dom.js';
import { table } from '../ground/tables.js';
import { bytes, count, seconds } from '../ground/words.js';

const ROWS = 12;

const cell = (value, words) => [value === null ? '–' : words(value), 'number'];
const known = (values) => values.filter((value) => value !== null);
const mean = (values) => (values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length);
const most = (values) => (values.length === 0 ? null : Math.max(...values));

export function drawRows(series) {
  const size = Math.ceil(series.at.length / ROWS);
  const rows = Array.from({ length: Math.ceil(series.at.length / size) }, (_, i) => {
    const part = (key) => known(series[key].slice(i * size, (i + 1) * size));
    return {
      until: series.at[Math.min((i + 1) * size, series.at.length) - 1],
      files: mean(part('files_per_second')),
      bytes: mean(part('bytes_per_second')),
      backlog: most(part('backlog_files')),
      age: most(part('oldest_age_seconds')),
    };
  });
  table(
    'series-rows',
    rows.reverse(),
    ({ until }) => until,
    (row) => [
      [`${row.until.slice(11, 16)} UTC`],
      cell(row.files, (value) => String(Number(value.toPrecision(2)))),
      cell(row.bytes, (value) => `${bytes(Math.round(value))}/s`),
      cell(row.backlog, count),
      cell(row.age, seconds),
    ],
  );
}

/** A tenth of a second is what the histogram can say of a short time. */
const took = (value) =>
  value < 1 ? `${Math.round(value * 1_000)} ms` : value < 10 ? `${value.toFixed(1)} s` : seconds(value);

export function drawTimes({ times, known_since: since, hours }, last) {
  table(
    'times',
    times,
    ({ stage }) => stage,
    ({ stage, files, p50_seconds: half, p95_seconds: most95 }) => [
      [stage === '*' ? 'whole way' : stage],
      cell(files, count),
      cell(half, took),
      cell(most95, took),
    ],
  );
  const isYoung = since !== null && Date.now() - Date.parse(since) < hours * 3_600_000;
  setText($('times-span'), isYoung ? 'since counting began' : `in the last ${last}`);
}
