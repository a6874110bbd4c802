/** Finds out whether a bucket has work that belongs to no job. */
import type { Reader } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';
import { addressOf, bucketRow } from '../ledger/publications.js';
import { dueToRemove } from './keep-local.js';

/** A month. */
const HOURS_MAX = 744;

/** True while something is due that no job has: a bucket that was never looked at, parts, hours, local files. */
export function isPublishing(reader: Reader, options: FeedOptions): boolean {
  const { name, keepLocalMs, successMarkers } = options;
  const row = bucketRow(reader, name);
  if (row?.address !== addressOf(options)) return reader.get('SELECT 1 FROM contents LIMIT 1') !== undefined;
  return (
    row.cursor !== null ||
    reader.get('SELECT 1 FROM parts WHERE feed = ? LIMIT 1', name) !== undefined ||
    (successMarkers && hoursToMark(reader, options).length > 0) ||
    (keepLocalMs !== undefined && dueToRemove(reader, name, keepLocalMs).length > 0)
  );
}

/**
 * Contents that are stored and not in the bucket, or whose lines are not. Left out are those whose jobs wait in the stage `publish`:
 * the caller has counted these.
 */
export function countUnpublished(reader: Reader, options: FeedOptions): number {
  const isElsewhere = bucketRow(reader, options.name)?.address !== addressOf(options);
  return reader.get<{ n: number }>(
    `SELECT count(*) AS n FROM contents c LEFT JOIN publications p ON p.content = c.row AND p.n = 0
     WHERE c.feed = ? AND c.state = 'stored' AND c.target IS NOT NULL
       AND (? OR p.part IS NULL OR p.part IN (SELECT id FROM parts))
       AND NOT EXISTS (SELECT 1 FROM all_jobs j WHERE j.id = c.carrier AND j.stage = 'publish' AND j.state <> 'done')`,
    ...[options.name, isElsewhere ? 1 : 0],
  )!.n;
}

/**
 * Left out are hours of which a content is due; a content that nobody saw at its target is counted as not published, or never looked at
 * again. Each hour asks by an index, because many contents may be due.
 */
const UNMARKED = `SELECT m.hour FROM (SELECT substr(folder, ?) AS hour FROM periods
    WHERE state = 'marked' AND folder >= ? AND folder < ? ORDER BY folder DESC LIMIT ${HOURS_MAX}) m
  WHERE NOT EXISTS (SELECT 1 FROM bucket_hours b WHERE b.feed = ? AND b.hour = m.hour)
    AND NOT EXISTS (SELECT 1 FROM publications p CROSS JOIN contents s ON s.row = p.content AND s.state = 'stored'
      WHERE p.feed = ? AND p.hour = m.hour AND p.n = 0 AND p.part IS NULL)`;
/** From the decisions of operators, which are few. CROSS: in this order, and not from all contents. */
const WITHDRAWING = `SELECT p.content FROM exceptions e CROSS JOIN contents w USING (feed, sha256, generation)
    CROSS JOIN publications p ON p.content = w.row AND p.n = 0
  WHERE e.feed = ? AND e.kind = 'withdraw' AND w.state = 'withdrawn' AND p.part > '' AND p.correction IS NULL`;
/**
 * Hours with a line or a correction that waits in a part, or a withdrawal that has not come to its correction. Parts of later hours are
 * no reason to wait: a feed that never rests always has one.
 */
const OWED = `SELECT DISTINCT c.hour FROM
    (SELECT content FROM part_lines UNION ALL ${WITHDRAWING}) o
  JOIN contents c ON c.row = o.content WHERE +c.feed = ?`;

/** The last hours that are marked here, and not in the bucket, of which nothing is owed. */
export function hoursToMark(reader: Reader, { name, manifests }: FeedOptions): string[] {
  // Contents are still looked for.
  if (bucketRow(reader, name)?.cursor !== null) return [];
  // SQLite counts characters, not units of UTF-16.
  const at = [...manifests].length + 2;
  const hours = reader.all<{ hour: string }>(UNMARKED, at, `${manifests}/`, `${manifests}0`, name, name);
  if (hours.length === 0) return [];
  const owed = new Set(reader.all<{ hour: string }>(OWED, name, name).map(({ hour }) => hour));
  return hours.flatMap(({ hour }) => (owed.has(hour) ? [] : hour));
}
