/**
 * Random trees with few names, sizes and times, so that both sides are often equal, nearly equal, or in conflict.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { isRoot } from '../world/users.js';

type Draw = (below: number) => number;

const NAMES = ['a', 'a1', 'b', 'b1', 'c', 'd'];
const CONTENTS = ['', 'x', 'y', 'yy', 'zz'];
const MODES = [0o600, 0o644, 0o755, 0o4711];
const SECONDS = [1_000_000_000, 1_100_000_000.5];

const one = <T>(draw: Draw, of: readonly T[]): T => of[draw(of.length)]!;

/** Deepest first. */
function directoriesOf(folder: string): string[] {
  const below = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== '.ingest-replicate')
    .flatMap(({ name }) => directoriesOf(join(folder, name)));
  return [...below, folder];
}

function give(path: string, draw: Draw): void {
  const isLink = lstatSync(path).isSymbolicLink();
  if (isRoot && draw(4) === 0 && !isLink) chownSync(path, draw(2) * 1_234, draw(2) * 2_345);
  if (!isLink) chmodSync(path, one(draw, lstatSync(path).isDirectory() ? [0o700, 0o755] : MODES));
  const seconds = one(draw, SECONDS);
  lutimesSync(path, seconds, seconds);
}

function makeAt(path: string, draw: Draw, special: boolean): void {
  const kind = draw(special ? 12 : 11);
  rmSync(path, { recursive: true, force: true });
  if (kind < 6) writeFileSync(path, one(draw, CONTENTS));
  else if (kind < 9) mkdirSync(path);
  else if (kind < 11) symlinkSync(one(draw, NAMES), path);
  else spawnSync('mkfifo', [path]);
  if (kind < 11) give(path, draw);
}

/** It always contains something. */
export function growAtRandom(root: string, draw: Draw): void {
  writeFileSync(join(root, 'always'), 'here');
  for (let n = 0; n < 40; n++) {
    const folder = one(draw, directoriesOf(root));
    const path = join(folder, one(draw, NAMES));
    if (folder.split('/').length - root.split('/').length < 3) makeAt(path, draw, false);
  }
}

/** `special`: FIFOs too. */
export function changeAtRandom(root: string, draw: Draw, { special }: { special: boolean }): void {
  for (let n = 0; n < 25; n++) {
    const folders = directoriesOf(root);
    const [path, other] = [join(one(draw, folders), one(draw, NAMES)), join(one(draw, folders), one(draw, NAMES))];
    const found = lstatSync(path, { throwIfNoEntry: false });
    const act = draw(8);
    if (act < 3 || found === undefined) makeAt(path, draw, special);
    else if (act === 3) rmSync(path, { recursive: true });
    else if (act < 6) give(path, draw);
    else if (`${other}/`.startsWith(`${path}/`) || `${path}/`.startsWith(`${other}/`)) continue;
    else if (act === 6) {
      rmSync(other, { recursive: true, force: true });
      renameSync(path, other);
    } else if (found.isFile() && lstatSync(other, { throwIfNoEntry: false }) === undefined) linkSync(path, other);
  }
}
