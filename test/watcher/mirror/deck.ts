/**
 * How often an actor does each operation.
 */
import * as fs from 'node:fs';
import type { Actor } from './acts.js';

export type Act = (actor: Actor) => void;
export type Removes = 'removes';
export type Acts = [times: number, act: Act, removes?: Removes][];

/** Times in a hundred. */
export const ACTS: Acts = [
  [20, (actor) => fs.writeFileSync(actor.any('f'), actor.content())],
  [10, (actor) => actor.edit((fd) => fs.writeSync(fd, actor.content()))],
  [9, (actor) => actor.edit((fd) => append(fd, actor.content()))],
  [5, (actor) => actor.edit((fd) => fs.ftruncateSync(fd, actor.draw(200)))],
  [12, (actor) => fs.renameSync(actor.existing('f'), actor.any('f')), 'removes'],
  [3, (actor) => fs.renameSync(actor.existing('d'), actor.any('d'))],
  [12, (actor) => fs.unlinkSync(actor.existing('f')), 'removes'],
  [2, (actor) => fs.rmSync(actor.existing('d'), { recursive: true }), 'removes'],
  [6, (actor) => fs.mkdirSync(actor.any('d'))],
  [2, (actor) => actor.nest()],
  // It may be a directory, which its owner still enters.
  [4, (actor) => fs.chmodSync(actor.existing('f'), 0o700 + actor.draw(0o100))],
  [3, (actor) => actor.link()],
  [3, (actor) => actor.symlink()],
  [3, (actor) => actor.hold()],
  [4, (actor) => actor.replace(), 'removes'],
  [1, (actor) => actor.moveOut()],
  [1, (actor) => actor.moveIn()],
];

const BYTES_MAX = 4_000;

function append(fd: number, content: Buffer): void {
  const { size } = fs.fstatSync(fd);
  if (size > BYTES_MAX) fs.ftruncateSync(fd, 0);
  else fs.writeSync(fd, content, 0, content.length, size);
}
