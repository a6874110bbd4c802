/**
 * The oracle: compares what was dropped with input, work directory, warehouse, manifest bytes and database.
 * Guarantees: each difference has one name; a planted difference is found under its name and under no other
 * (test/world/oracle.test.ts plants every one).
 * Does not: read the disk. It judges a survey.
 */
import { type ByteName, shownName } from '../../src/linux/names.js';
import type { Dropped } from './dropping.js';
import { type Made, outputs, outputsOf } from './outputs.js';
import { rows } from './row-rules.js';
import type { LineSeen, Survey } from './survey.js';
import type { Found } from './tree.js';

export type DifferenceKind =
  | 'lost' // a dropped content is nowhere, or fewer copies of it are left than an archive of duplicates should have
  | 'twice' // one content in two warehouse files
  | 'wrong_bytes' // a warehouse file differs from its line, or has bytes that nobody dropped
  | 'wrong_place' // in a day that readers take, beside what stands for it there
  | 'line_without_file'
  | 'file_without_line'
  | 'two_lines' // two valid lines with the same content, ingest_id or target
  | 'torn_line' // bytes in a manifest that are not a whole record
  | 'stuck' // settled, but still in the input, in underprocess/ or in an unfinished job
  | 'left_over' // a temporary file, or a file in the input that nobody dropped
  | 'foreign_changed' // a foreign file was changed
  | 'row_differs' // the database differs from the disk
  | 'counter_differs';

export interface Difference {
  kind: DifferenceKind;
  what: string;
}

/** A file that the ingestor must not change. */
export interface Bystander {
  feed: string;
  place: 'input' | 'warehouse';
  seen: Found;
}

export interface Expected {
  dropped: readonly Dropped[];
  bystanders: readonly Bystander[];
  /** Names of sidecars: they disappear with their files. */
  sidecars: ReadonlySet<ByteName>;
  /** Warehouse paths that a consumer took away. */
  taken: ReadonlySet<ByteName>;
  /** Contents whose jobs may be held; and those that an operator discarded. */
  held: ReadonlySet<string>;
  discarded: ReadonlySet<string>;
  /** How often a content may be stored, if more than once. */
  generations: ReadonlyMap<string, number>;
  /** Contents that an operator took out of the warehouse again. */
  withdrawn: ReadonlySet<string>;
  /** `delete`: copies of duplicates are not kept. */
  onDuplicate: 'archive' | 'delete';
  /** The expected outputs of contents, in feeds with a chain. */
  made: Made;
  /**
   * True: nothing is under way any more. False: judged in the middle of the work, when only permanent promises count.
   */
  settled: boolean;
}

type Tell = (kind: DifferenceKind, what: string) => void;

export function compare(seen: Survey, all: Expected): Difference[] {
  const expected = { ...all, dropped: all.dropped.filter((d) => d.feed === seen.feed) };
  const found: Difference[] = [];
  const tell: Tell = (kind, what) => found.push({ kind, what: `${seen.feed}: ${what}` });
  const standing = seen.lines.filter((line) => line.record && !seen.withdrawn.has(line.record.ingest_id));

  bystanders(seen, expected, tell);
  manifest(seen, standing, expected, tell);
  warehouse(withoutOutputs(seen, standing, expected), standing, expected, tell);
  outputs({ ...seen, lines: standing }, expected, tell);
  contents(seen, standing, expected, tell);
  if (expected.settled) rest(seen, expected, tell);
  if (seen.database) rows(seen.database, seen, standing, expected, tell);
  return found;
}

/** Their files are judged separately (outputs.ts). While one is taken back, its outputs are removed after it. */
function withoutOutputs(seen: Survey, standing: readonly LineSeen[], { settled }: Expected): Survey {
  const its = outputsOf(settled ? standing : seen.lines, seen.root);
  return { ...seen, warehouse: seen.warehouse.filter(({ path }) => !its.has(path)) };
}

function bystanders(seen: Survey, expected: Expected, tell: Tell): void {
  for (const { place, seen: before } of expected.bystanders) {
    const now = seen[place].find((f) => f.path === before.path);
    const same =
      now &&
      now.kind === before.kind &&
      now.ino === before.ino &&
      now.sha256 === before.sha256 &&
      now.mtimeNs === before.mtimeNs;
    if (!same) tell('foreign_changed', `${shownName(before.path)} in the ${place} ${now ? 'was changed' : 'has gone'}`);
  }
}

function manifest(seen: Survey, standing: readonly LineSeen[], { generations }: Expected, tell: Tell): void {
  for (const torn of [...seen.lines.filter((line) => !line.record), ...seen.tornCorrections]) {
    tell('torn_line', `line ${torn.lineNo} of ${torn.file}: ${torn.why}: ${torn.raw.slice(0, 120)}`);
  }
  const keys = (line: LineSeen) => [contentOf(line), `ingest_id ${line.record!.ingest_id}`, `target ${line.target}`];
  const told = new Set<LineSeen>();
  for (const [key, lines] of group(standing.flatMap((line) => keys(line).map((key) => [key, line] as const)))) {
    if (lines.length < 2 || lines.every((line) => told.has(line))) continue;
    for (const line of lines) told.add(line);
    tell('two_lines', `${key} stands in ${lines.length} lines`);
  }
  for (const line of standing) {
    const { sha256, generation = 1 } = line.record!;
    if (generation > (generations.get(sha256) ?? 1)) tell('two_lines', `nobody allowed the ${contentOf(line)}`);
  }
}

/** The contents that must exist once. */
export const contentOf = ({ record }: LineSeen): string =>
  `content ${record!.sha256} generation ${record!.generation ?? 1}`;

function warehouse(seen: Survey, standing: readonly LineSeen[], expected: Expected, tell: Tell): void {
  const foreign = new Set(expected.bystanders.filter((b) => b.place === 'warehouse').map((b) => b.seen.path));
  const ours = seen.warehouse.filter((f) => !foreign.has(f.path));
  const byPath = new Map(ours.map((f) => [f.path, f]));
  const lineOf = new Map(standing.map((line) => [line.target, line.record!]));
  const underWay = new Set(seen.underprocess.map((f) => f.sha256));
  const dropped = new Set(expected.dropped.map((d) => d.sha256));
  const inTwoFiles = new Set(
    [...group(ours.map((f) => [f.sha256, f] as const))]
      .filter(([digest, all]) => all.length > (expected.generations.get(digest) ?? 1))
      .map(([digest]) => digest),
  );

  for (const digest of inTwoFiles)
    tell('twice', `${digest} is stored as ${ours.filter((f) => f.sha256 === digest).map((f) => shownName(f.path))}`);
  for (const [target, record] of lineOf) {
    const file = byPath.get(target);
    const coming = underWay.has(record.sha256) && (!expected.settled || expected.held.has(record.sha256));
    if (!file && !coming && !expected.taken.has(target))
      tell('line_without_file', `${shownName(target)} has a line and is not there`);
    if (file && (file.sha256 !== record.sha256 || file.size !== record.size))
      tell('wrong_bytes', `${shownName(target)} is not what its line says`);
  }
  for (const file of ours) {
    const record = lineOf.get(file.path);
    const isLeaving = !expected.settled && expected.withdrawn.has(file.sha256); // corrected already, and removed next
    if (!record && !isLeaving && !inTwoFiles.has(file.sha256))
      tell('file_without_line', `${shownName(file.path)} is stored without a line`);
    if (record?.sha256 === file.sha256 && !dropped.has(file.sha256))
      tell('wrong_bytes', `${shownName(file.path)} holds what nobody dropped`);
  }
}

function contents(seen: Survey, standing: readonly LineSeen[], expected: Expected, tell: Tell): void {
  const places = {
    input: seen.input,
    underprocess: seen.underprocess,
    warehouse: seen.warehouse,
    duplicates: seen.duplicates,
    failed: seen.failed,
  };
  const copies = new Map(
    Object.entries(places).map(([place, all]) => [place, group(all.map((f) => [f.sha256, f] as const))]),
  );
  const count = (place: string, digest: string) => copies.get(place)!.get(digest)?.length ?? 0;
  const manifested = new Set(standing.map((line) => line.record!.sha256));

  for (const [digest, drops] of group(expected.dropped.map((d) => [d.sha256, d] as const))) {
    const certain = drops.filter((d) => !d.optional);
    const total = Object.keys(places).reduce((sum, place) => sum + count(place, digest), 0);
    const name = shownName(drops[0]!.name);
    const stored = count('warehouse', digest) > 0 || manifested.has(digest);
    // A file with a line that is elsewhere is judged by its line.
    if (total === 0 && !stored && certain.length > 0) tell('lost', `${name} is nowhere`);
    else if (!stored && expected.settled) unstored(digest, name, count, expected, tell);
    else if (stored && expected.onDuplicate === 'archive') {
      const whole = total + (count('warehouse', digest) === 0 ? 1 : 0); // the stored one was taken, or is reported as missing
      if (whole < certain.length) tell('lost', `${name}: ${whole} of ${certain.length} copies are left`);
    }
  }
}

function unstored(
  digest: string,
  name: string,
  count: (place: string, digest: string) => number,
  expected: Expected,
  tell: Tell,
): void {
  if (count('input', digest) > 0) return; // reported as a file that is still in the input
  if (count('underprocess', digest) > 0) {
    if (!expected.held.has(digest)) tell('stuck', `${name} is in underprocess/ and was never stored`);
  } else if (
    !expected.discarded.has(digest) &&
    !expected.withdrawn.has(digest) &&
    count('duplicates', digest) + count('failed', digest) > 0
  ) {
    tell('lost', `${name} lies in ${count('failed', digest) > 0 ? 'failed' : 'duplicates'}/ and was never stored`);
  }
}

/** When everything is settled, nothing is left anywhere except what should stay. */
function rest(seen: Survey, expected: Expected, tell: Tell): void {
  const bystanding = new Set(expected.bystanders.filter((b) => b.place === 'input').map((b) => b.seen.path));
  const dropped = new Set(expected.dropped.map((d) => d.sha256));
  const inWarehouse = new Set(seen.warehouse.map((f) => f.sha256));
  for (const file of seen.input) {
    if (bystanding.has(file.path) || expected.held.has(file.sha256)) continue;
    if (dropped.has(file.sha256) || expected.sidecars.has(file.path))
      tell('stuck', `${shownName(file.path)} is still in the input`);
    else tell('left_over', `${shownName(file.path)} in the input was not dropped`);
  }
  for (const file of seen.underprocess) {
    // A file that is its own carrier and not stored is reported above.
    if (inWarehouse.has(file.sha256) && !expected.held.has(file.sha256))
      tell('stuck', `${shownName(file.path)} was not put away from underprocess/`);
    else if (!dropped.has(file.sha256) && !/^JOBID|\.ok~/.test(file.path))
      tell('left_over', `${shownName(file.path)} in underprocess/ was not dropped`);
  }
  for (const file of seen.temporary) tell('left_over', `${shownName(file.path)} in the warehouse is a temporary file`);
}

function group<K, V>(pairs: Iterable<readonly [K, V]>): Map<K, V[]> {
  const groups = new Map<K, V[]>();
  for (const [key, value] of pairs) {
    const one = groups.get(key);
    if (one) one.push(value);
    else groups.set(key, [value]);
  }
  return groups;
}
