/** Periods that are over and still wait, to explain why a marker is missing. */
import type { QueueView } from '../../../queue/index.js';
import { PERIOD_COLUMNS, type PeriodRow } from './period.js';

/** An hour is normally complete seconds after its end. A longer wait has a cause. */
export const WAITS_LONG_MS = 300_000;

const WAITING = `SELECT ${PERIOD_COLUMNS} FROM periods
  WHERE state <> 'marked' AND (waits_job IS NOT NULL OR waits_why IS NOT NULL)`;

/** The oldest come first. */
export const waitingPeriods = (view: Pick<QueueView, 'read'>, max: number): PeriodRow[] =>
  view.read((reader) => reader.all<PeriodRow>(`${WAITING} ORDER BY changed_ms, folder LIMIT ?`, max));

export const waitsForJob = (view: Pick<QueueView, 'read'>, job: string): PeriodRow[] =>
  view.read((reader) => reader.all<PeriodRow>(`${WAITING} AND waits_job = ? ORDER BY folder`, job));
