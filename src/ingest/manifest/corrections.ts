/** Writes corrections that are decided and not written yet to the file of their hour. */
import type { ByteName } from '../../linux/index.js';
import { correctionsPath } from './append.js';
import { appendTo, type ManifestFile, type Written } from './write.js';

/** `jobs`: the jobs of that hour. A correction that is written meanwhile is left out. */
export function writeCorrections(
  manifests: Omit<ManifestFile, 'path'>,
  hour: string,
  jobs: readonly string[],
): Promise<Written> {
  const path: ByteName = correctionsPath(hour);
  return appendTo({ ...manifests, path }, (tx) => {
    const ids: string[] = [];
    let lines = '';
    for (const job of jobs) {
      const row = tx.get<{ line: string }>('SELECT line FROM corrections WHERE job = ?', job);
      if (!row) continue;
      lines += row.line;
      ids.push(job);
    }
    return ids.length > 0 ? { lines, items: { rows: [], jobs: ids } } : undefined;
  });
}
