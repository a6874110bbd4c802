/**
 * The oracle's part for feeds with a chain: a line with outputs is fulfilled by exactly its recorded files, or taken
 * back.
 * Does not: know what a chain does. The test says what a content should become (`made`).
 */
import { type ByteName, nameOfBytes, nameOfText, shownName } from '../../src/linux/names.js';
import type { ManifestRecord, OutputRecord } from './manifest.js';
import type { DifferenceKind } from './oracle.js';
import type { LineSeen } from './survey.js';
import type { Found } from './tree.js';

/**
 * The outputs that a content should become: the SHA-256 of each output by its tag. For other contents they are unknown
 * before.
 */
export type Made = ReadonlyMap<string, Readonly<Record<string, string>>>;

interface Seen {
  warehouse: readonly Found[];
  lines: readonly LineSeen[];
  root: string;
}

/** Relative to the warehouse. */
export function outputTarget(output: OutputRecord, warehouse: string): ByteName {
  const path = output.warehouse_path_b64
    ? nameOfBytes(Buffer.from(output.warehouse_path_b64, 'base64'))
    : nameOfText(output.warehouse_path);
  return path.slice(nameOfText(warehouse).length + 1) as ByteName;
}

/** The outputs that these lines name, by path. */
export const outputsOf = (lines: readonly LineSeen[], warehouse: string): Map<ByteName, OutputRecord> =>
  new Map(
    lines.flatMap(({ record }) => (record?.outputs ?? []).map((one) => [outputTarget(one, warehouse), one] as const)),
  );

export function outputs(
  { warehouse, lines, root }: Seen,
  { made, taken }: { made: Made; taken: ReadonlySet<ByteName> },
  tell: (kind: DifferenceKind, what: string) => void,
): void {
  const byPath = new Map(warehouse.map((found) => [found.path, found]));
  for (const { record, target } of lines) {
    const wanted = made.get(record!.sha256);
    if (wanted) asMade(record!, wanted, tell);
    if (record!.outputs) inPlace(target, record!.outputs, root, tell);
    const isStored = byPath.has(target) || taken.has(target);
    for (const output of record!.outputs ?? []) {
      const path = outputTarget(output, root);
      const file = byPath.get(path);
      // The file is moved last: while it is missing, an output may be missing too.
      if (!file && isStored && !taken.has(path))
        tell('line_without_file', `${shownName(path)} is an output of ${shownName(target)} and is not there`);
      if (file && (file.sha256 !== output.sha256 || file.size !== output.size))
        tell('wrong_bytes', `${shownName(path)} is not what its line says`);
    }
  }
}

/** A reader who takes all files of a day gets each record once. */
function inPlace(
  target: ByteName,
  outputs: readonly OutputRecord[],
  root: string,
  tell: (kind: DifferenceKind, what: string) => void,
): void {
  const isRead = (path: ByteName) => path.startsWith('ingest_date=');
  const rejects = outputs.filter(({ tag }) => tag === 'reject');
  if (isRead(target) && outputs.length > rejects.length)
    tell('wrong_place', `${shownName(target)} lies in the day, and its outputs too`);
  for (const output of outputs) {
    const path = outputTarget(output, root);
    if (isRead(path) === (output.tag === 'reject'))
      tell('wrong_place', `the output ${output.tag} is ${shownName(path)}`);
  }
}

function asMade(
  record: ManifestRecord,
  wanted: Readonly<Record<string, string>>,
  tell: (kind: DifferenceKind, what: string) => void,
): void {
  const has = Object.fromEntries((record.outputs ?? []).map(({ tag, sha256 }) => [tag, sha256]));
  for (const tag of new Set([...Object.keys(has), ...Object.keys(wanted)]))
    if (has[tag] !== wanted[tag])
      tell('wrong_bytes', `output ${tag} of ${record.ingest_id} is ${has[tag]}, and should be ${wanted[tag]}`);
}
