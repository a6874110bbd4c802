/**
 * Operations that the mirror's acts (mirror/acts.ts) leave out: a path that changes its kind, a tree that is removed
 * and made again at once, one that is missing while it changes, names that are exchanged, a write with a rename
 * directly after it, and a write that puts size and mtime back.
 */
import * as fs from 'node:fs';
import type { Actor } from '../mirror/acts.js';
import { ACTS, type Acts } from '../mirror/deck.js';

const BACK_S = 1_000_000_000;
const BACK_BYTES = 64;

/** `backdates`: whether mtimes are put back in this round. A watcher that was not running cannot see such a write. */
export const harderActs = (backdates: () => boolean): Acts => [
  ...ACTS,
  [2, toFile, 'removes'],
  [1, toSymlink, 'removes'],
  [4, toDirectory, 'removes'],
  [3, rebuild, 'removes'],
  [3, outAndBack],
  [2, awayAndBack],
  [3, exchangeFiles],
  [2, exchangeDirectories],
  [5, writeAndRename, 'removes'],
  [6, (actor) => backdate(actor, backdates()), 'removes'],
];

function toFile(actor: Actor): void {
  const path = actor.existing('d');
  fs.rmSync(path, { recursive: true });
  fs.writeFileSync(path, actor.content());
}

function toSymlink(actor: Actor): void {
  const path = actor.existing(actor.draw(3) === 0 ? 'f' : 'd');
  fs.rmSync(path, { recursive: true });
  fs.symlinkSync(['f1', 'd1', '.', 'nowhere'][actor.draw(4)]!, path);
}

function toDirectory(actor: Actor): void {
  const path = actor.existing((['d', 'd', 'd', 'f', 's'] as const)[actor.draw(5)]!);
  fs.rmSync(path, { recursive: true, force: true });
  fill(actor, path);
}

/** Like `rm -rf dist && mkdir -p dist/js`. */
function rebuild(actor: Actor): void {
  const path = actor.existing('d');
  fs.rmSync(path, { recursive: true });
  fill(actor, path);
}

function outAndBack(actor: Actor): void {
  actor.inShared();
  const [path, outside] = [actor.existing('d'), actor.outside()];
  fs.rmSync(outside, { recursive: true, force: true });
  fs.renameSync(path, outside);
  if (fs.lstatSync(outside).isDirectory()) {
    for (const name of fs.readdirSync(outside, { encoding: 'buffer' })) {
      if (actor.draw(3) > 0) continue;
      fs.rmSync(below(Buffer.from(outside), name), { recursive: true });
    }
    fill(actor, Buffer.from(outside));
  }
  fs.renameSync(outside, actor.draw(2) === 0 ? path : actor.any('d'));
}

function awayAndBack(actor: Actor): void {
  const path = actor.existing('d');
  const away = Buffer.concat([path, Buffer.from('.away')]);
  fs.renameSync(path, away);
  fs.renameSync(away, path);
}

const exchangeFiles = (actor: Actor): void => exchange(actor.existing('f'), actor.existing('f'));
const exchangeDirectories = (actor: Actor): void => exchange(actor.existing('d'), actor.existing('d'));

function exchange(one: Buffer, other: Buffer): void {
  if (one.equals(other) || !fs.lstatSync(other, { throwIfNoEntry: false })) return;
  const aside = Buffer.concat([one, Buffer.from('.aside')]);
  fs.renameSync(one, aside);
  try {
    fs.renameSync(other, one);
    fs.renameSync(aside, other);
  } catch (error) {
    // One is inside the other.
    if (!fs.lstatSync(one, { throwIfNoEntry: false })) fs.renameSync(aside, one);
    throw error;
  }
}

function writeAndRename(actor: Actor): void {
  const path = actor.existing('f');
  actor.edit((fd) => fs.writeSync(fd, actor.content()));
  fs.renameSync(path, actor.any('f'));
}

/** Writes as many bytes as before, and puts the mtime back; then renames the file, or not. */
function backdate(actor: Actor, back: boolean): void {
  actor.inShared();
  const path = actor.any('b');
  const fd = fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_NOFOLLOW, 0o644);
  try {
    fs.writeSync(fd, Buffer.alloc(BACK_BYTES, `${actor.draw(2 ** 31)} `), 0, BACK_BYTES, 0);
    if (back) fs.futimesSync(fd, BACK_S, BACK_S);
  } finally {
    fs.closeSync(fd);
  }
  if (actor.draw(2) === 0) fs.renameSync(path, actor.any('b'));
}

function fill(actor: Actor, path: Buffer): void {
  const inner = below(path, `d${actor.draw(3)}`);
  fs.mkdirSync(inner, { recursive: true });
  fs.writeFileSync(below(inner, `f${actor.draw(3)}`), actor.content());
  if (actor.draw(2) === 0) fs.writeFileSync(below(path, `f${actor.draw(3)}`), actor.content());
}

const below = (path: Buffer, name: string | Buffer): Buffer =>
  Buffer.concat([path, Buffer.from('/'), Buffer.from(name as string)]);
