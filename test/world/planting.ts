/**
 * Plants differences between warehouse, manifests and ledger, one of each kind, each in its own file.
 */
import assert from 'node:assert/strict';
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { workDirOf } from './layout.js';
import type { ManifestRecord } from './manifest.js';
import { alter } from './state-by-hand.js';
import type { World } from './world.js';

/** The expected finding of an audit: the kind, and the end of `at`. */
export type Planted = [kind: string, at: string];

export interface Stored {
  raw: string;
  record: ManifestRecord;
  /** The path of the manifest file. */
  file: string;
}

/** Every stored content, in the order of its name. */
export function storedIn(world: World): Stored[] {
  return world
    .manifest()
    .map(({ raw, record, file }) => ({ raw, record: record!, file: join(world.feed().manifests, file) }))
    .sort((a, b) => (a.record.path < b.record.path ? -1 : 1));
}

const nameOf = ({ record }: Stored): string => record.warehouse_path.split('/').at(-1)!;
const newId = (n: number): string => `01J9ZQ4T7M000000000000000${n}`;

/** Replaces the line of a content, wherever it is. */
export function editLine(of: Stored, change: (line: string) => string): void {
  const before = readFileSync(of.file, 'utf8');
  assert(before.includes(`${of.raw}\n`), 'the line is there');
  writeFileSync(
    of.file,
    before.replace(`${of.raw}\n`, () => change(`${of.raw}\n`)),
  );
}

/** Another byte, with the same size and time: only the digest shows it. */
export function changeByte(path: string): void {
  const fd = openSync(path, 'r+');
  writeSync(fd, Buffer.from([readFileSync(path)[0]! ^ 1]), 0, 1, 0);
  closeSync(fd);
  utimesSync(path, 1_000_000_000, 1_000_000_000);
}

/** All twelve kinds. */
export function plantTwelve(world: World): Planted[] {
  const [changed, removed, renamed, lineRemoved, doubled, torn, edited, rowRemoved, rowChanged] = storedIn(world);
  const planted: Planted[] = [];
  const plant = (kind: string, at: string, act: () => void): void => {
    act();
    planted.push([kind, at]);
  };
  const path = (of: Stored | undefined): string => of!.record.warehouse_path;
  const digest = (of: Stored | undefined): Buffer => Buffer.from(of!.record.sha256, 'hex');
  plant('wrong_bytes', nameOf(changed!), () => changeByte(path(changed)));
  plant('file_missing', nameOf(removed!), () => rmSync(path(removed)));
  const added = join(dirname(path(changed)), 'added.csv');
  plant('file_unknown', 'added.csv', () => writeFileSync(added, 'nobody delivered it'));
  plant('file_renamed', nameOf(renamed!), () => renameSync(path(renamed), `${path(renamed)}.bak`));
  plant('line_missing', '/manifest.jsonl', () => editLine(lineRemoved!, () => ''));
  plant('line_twice', '', () => editLine(doubled!, (line) => line + line));
  plant('line_torn', '', () => editLine(torn!, (line) => `${line.slice(0, 70)}\n`));
  plant('line_edited', '', () => editLine(edited!, (line) => line.replace(/"size":\d+/, '"size":1')));
  plant('row_missing', nameOf(rowRemoved!), () =>
    alter(world, 'DELETE FROM contents WHERE sha256 = ?', digest(rowRemoved)),
  );
  plant('row_changed', nameOf(rowChanged!), () =>
    alter(world, 'UPDATE contents SET sha256 = ? WHERE sha256 = ?', Buffer.alloc(32, 7), digest(rowChanged)),
  );
  const work = join(workDirOf(world.feed()), 'underprocess');
  plant('orphan', 'orphan.csv', () => writeFileSync(join(work, `${newId(1)}~orphan.csv`), 'sealed by nobody'));
  plant('left_over', `${newId(2)}.3`, () => {
    const temporary = join(world.feed().warehouse, '.ingest-tmp');
    mkdirSync(temporary, { recursive: true });
    writeFileSync(join(temporary, `${newId(2)}.3`), 'half a copy');
  });
  return planted;
}
