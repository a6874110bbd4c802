/** Describes the outputs of a content in sentences: counts, and where each output is. Uses names and sizes; opens no file. */
import { safeText } from '../../base/telemetry/safe.js';
import { type Output, processedOf } from '../../ingest/chains/recorded-outputs.js';
import { statEntry } from '../../ingest/files/feed-files.js';
import { type Content, hasEnded } from '../../ingest/ledger/content.js';
import { pathOf } from './find.js';
import type { Looked } from './waiting.js';
import { bytes, shown } from './words.js';

/** The manifest line has all of them. */
const TOLD_MAX = 20;

export function madeOf(content: Content, looked: Looked): string[] {
  const made = looked.view.read((reader) => processedOf(reader, content.row));
  if (!made) return [];
  const { chain, version, rows, rejected, outputs } = made;
  const counts = `Its chain (${safeText(chain)}, version ${version.slice(0, 12)}) found ${records(rows)}, ${rejected} of them rejected, and made ${outputs.length === 1 ? '1 output' : `${outputs.length} outputs`}.`;
  const more = outputs.length > TOLD_MAX ? [`${outputs.length - TOLD_MAX} more outputs are in its line.`] : [];
  return [counts, ...outputs.slice(0, TOLD_MAX).map((output) => outputText(output, content, looked)), ...more];
}

function outputText({ tag, target, rows, size }: Output, content: Content, { feed, files }: Looked): string {
  const what = `Output ${safeText(tag)} (${records(rows)}, ${bytes(size)})`;
  if (target === null) return `${what}: it gets its name with its line.`;
  const where = `${feed.warehouse}/${shown(target)}`;
  const stat = statEntry(files.entryOrNone(files.warehouse, pathOf(target)));
  if (!hasEnded(content)) return `${what} is to lie at ${where}.`;
  if (stat?.size === size) return `${what}: ${where}.`;
  return `${what}: ${where}; ${stat ? 'another file lies there now' : 'it is not there now'}.`;
}

const records = (n: number): string => (n === 1 ? '1 record' : `${n} records`);
