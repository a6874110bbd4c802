/**
 * Everything visible of a feed at one moment: its folders, its manifest, the rows of its state. The oracle judges
 * surveys only, and never reads the disk itself.
 */
import { join } from 'node:path';
import type { ByteName } from '../../src/linux/names.js';
import { type DatabaseSurvey, readDatabase } from './database.js';
import { type Feed, workDirOf } from './layout.js';
import { type ManifestLine, manifestLines, targetOf } from './manifest.js';
import { type Found, files, tree } from './tree.js';

export interface LineSeen extends ManifestLine {
  /** Relative to the warehouse; outside of it the absolute path. '' if torn. */
  target: ByteName;
}

export interface Survey {
  feed: string;
  /** Without the work directory. */
  input: Found[];
  warehouse: Found[];
  /** Its absolute path. */
  root: string;
  /** The content of the warehouse's own temporary folder. */
  temporary: Found[];
  underprocess: Found[];
  duplicates: Found[];
  failed: Found[];
  lines: LineSeen[];
  /** Ids of records withdrawn in corrections.jsonl. */
  withdrawn: Set<string>;
  tornCorrections: ManifestLine[];
  database: DatabaseSurvey | undefined;
}

export function survey(feed: Feed, statePath: string): Survey {
  const work = workDirOf(feed);
  const isMarker = (f: Found) => f.size === 0 && /^ingest_date=[^/]*\/(_SUCCESS|\.ingest-success)$/.test(f.path);
  const inWarehouse = files(feed.warehouse).filter((f) => f.path !== '.ingest-root' && !isMarker(f));
  const isTemporary = (f: Found) => /(^|\/)\.ingest-tmp\/|^\.ingest-root\.|^\.ingest-probe$/.test(f.path);
  const corrections = manifestLines(feed.manifests, 'corrections.jsonl');
  return {
    feed: feed.name,
    input: tree(feed.input).filter((f) => f.kind !== 'directory' && !f.path.startsWith('.ingest/')),
    root: feed.warehouse,
    warehouse: inWarehouse.filter((f) => !isTemporary(f)),
    temporary: inWarehouse.filter(isTemporary),
    underprocess: files(join(work, 'underprocess')),
    duplicates: files(join(work, 'duplicates')),
    failed: files(join(work, 'failed')),
    lines: manifestLines(feed.manifests).map((line) => ({ ...line, target: targetIn(line, feed.warehouse) })),
    withdrawn: new Set(corrections.flatMap((line) => line.record?.ingest_id ?? [])),
    tornCorrections: corrections.filter((line) => line.record === undefined),
    database: readDatabase(statePath, feed.name),
  };
}

function targetIn(line: ManifestLine, warehouse: string): ByteName {
  if (line.record === undefined) return '' as ByteName;
  const target = targetOf(line.record, warehouse);
  const prefix = `${Buffer.from(warehouse, 'utf8').toString('latin1')}/`;
  return (target.startsWith(prefix) ? target.slice(prefix.length) : target) as ByteName;
}
