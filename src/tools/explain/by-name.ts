/**
 * Finds files by name alone, in any directory below an input, for an operator who does not know the directory.
 * Does not: walk through the inputs. No index has the ends of paths, so all jobs and contents are read.
 */
import type { QueueView, Reader } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import { bytesOfName, nameOfText } from '../../linux/index.js';
import { type Found, ofKey } from './find.js';

/** The number of paths in an answer. For others the operator has to name a directory. */
const PATHS_MAX = 20;

const JOBS = `SELECT key, max(seq) AS last FROM all_jobs WHERE feed = ? AND substr(key, ?) = ? GROUP BY key ORDER BY last DESC LIMIT ${PATHS_MAX}`;
const CONTENTS = `SELECT source_path AS key, max(row) AS last FROM contents WHERE +feed = ? AND substr(source_path, ?) = ?
  GROUP BY source_path ORDER BY last DESC LIMIT ${PATHS_MAX}`;

/** The newest file of each feed. */
export function findByName(view: QueueView, feeds: readonly FeedOptions[], word: string): Found[] {
  if (word.includes('/') || word === '') return [];
  const end = bytesOfName(nameOfText(`/${word}`));
  const found = feeds.flatMap((feed) => {
    const keysIn = (sql: string) => (reader: Reader) =>
      reader.all<{ key: Buffer }>(sql, feed.name, -end.length, end).map(({ key }) => key.toString('latin1'));
    const keys = new Set([...view.read(keysIn(JOBS)), ...view.read(keysIn(CONTENTS))]);
    return [...keys].map((key) => ofKey(view, feed, Buffer.from(key, 'latin1')));
  });
  return found.slice(0, PATHS_MAX);
}
