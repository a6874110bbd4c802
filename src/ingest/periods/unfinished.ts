/**
 * Finds what a closed period still waits for: its first content that is not stored, the first hour of a day without its
 * marker, or a line or correction that is being written.
 */
import type { Reader } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';
import type { ByteName } from '../../linux/index.js';
import { UNDER_WAY } from '../ledger/content.js';
import { correctionsPath, manifestPath } from '../manifest/append.js';
import { below, hoursOfDate, type Period } from './period.js';

export interface Waits {
  job: string | null;
  why: string | null;
}

const UNSTORED = `SELECT carrier FROM contents WHERE ${UNDER_WAY} AND feed = ? AND hour >= ? AND hour < ? LIMIT 1`;

/** The carrier of a content of the period that is not stored. `feeds`: all feeds that share its folder. */
export function unstored(reader: Reader, { root, name }: Period, feeds: readonly FeedOptions[]): string | undefined {
  const hours = root === 'manifests' ? [name, `${name}~`] : below(hoursOfDate(name));
  for (const feed of feeds) {
    const first = reader.get<{ carrier: string }>(UNSTORED, feed.name, ...hours);
    if (first) return first.carrier;
  }
  return undefined;
}

/**
 * Call it after `unstored` found nothing. A discard removes a content and leaves a correction in one transaction, so in the other
 * order both might be missed.
 */
export function owed(reader: Reader, { root, folder, name }: Period, feeds: readonly FeedOptions[]): Waits | undefined {
  return root === 'manifests' ? owedInHour(reader, folder, name, feeds) : owedInDay(reader, name, feeds);
}

function owedInHour(reader: Reader, folder: string, hour: ByteName, feeds: readonly FeedOptions[]): Waits | undefined {
  const root = folder.slice(0, -hour.length);
  for (const file of [manifestPath(hour), correctionsPath(hour)])
    if (reader.get('SELECT 1 FROM appends WHERE file = ?', root + file))
      return { job: null, why: `a line that is being written to ${root}${file}` };
  const corrections = reader.all<{ job: string; feed: string | null }>(
    'SELECT c.job, j.feed FROM corrections c LEFT JOIN all_jobs j ON j.id = c.job WHERE c.hour = ?',
    hour,
  );
  const one = corrections.find(({ feed }) => feeds.some(({ name }) => name === feed));
  return one && { job: one.job, why: null };
}

function owedInDay(reader: Reader, date: ByteName, feeds: readonly FeedOptions[]): Waits | undefined {
  for (const { manifests } of feeds) {
    const hour = reader.get<{ folder: string }>(
      "SELECT folder FROM periods WHERE state <> 'marked' AND folder >= ? AND folder < ? LIMIT 1",
      ...below(`${manifests}/${hoursOfDate(date)}`),
    );
    if (hour) return { job: null, why: `the hour ${hour.folder}` };
  }
  return undefined;
}
