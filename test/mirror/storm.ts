/**
 * Changes a tree at random until its standard input ends: makes, writes, appends, truncates, replaces, renames files
 * and trees, removes, links. Every state that a file ever has can be distinguished from a torn one (`judge.ts`).
 * Arguments: the tree, a seed, its name. Prints the number of operations at the end.
 */
import {
  appendFileSync,
  chmodSync,
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { dice } from '../crash/dice.js';
import { contents } from '../world/dropping.js';
import { BLOCK_BYTES, block, record, whole } from './judge.js';

const [tree, seed, name] = process.argv.slice(2) as [string, string, string];
const draw = dice(`${seed} ${name}`);
const bytes = contents(`${seed} ${name} bytes`);
const BLOCKS = 600;
const turn = () => new Promise((resolve) => setImmediate(resolve));
let ending = false;
process.stdin.on('end', () => {
  ending = true;
});
process.stdin.resume();

const listed = (): string[] => [
  tree,
  ...readdirSync(tree, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name)),
];
/** Some of these names are gone by the time they are used; the list is read again now and then. */
let directories = [tree];
let left = 0;
const anyDirectory = (): string => {
  if (left-- === 0) {
    directories = listed();
    left = 50;
  }
  return directories[draw(directories.length)]!;
};
const any = (suffix = ''): string | undefined => {
  const folder = anyDirectory();
  const all = readdirSync(folder).filter((one) => one.endsWith(suffix));
  return all.length === 0 ? undefined : join(folder, all[draw(all.length)]!);
};
const fresh = (suffix: string): string => join(anyDirectory(), `${name}${draw(40)}${suffix}`);

/**
 * Opens, truncates and writes in one call each: the file's states are the former one, the empty one and the new one.
 */
function write(path: string, content: Buffer): void {
  const fd = openSync(path, 'w');
  writeSync(fd, content);
  closeSync(fd);
}

/** Writes over some time, in which the file is read, renamed and removed; always to its end. */
async function writeOver(path: string): Promise<void> {
  const fd = openSync(path, 'a+');
  closeSync(fd);
  const over = openSync(path, 'r+');
  try {
    const first = Buffer.alloc(4);
    readSync(over, first, 0, 4, 0);
    const version = first.readUInt32LE() + 1;
    for (let index = 0; index < BLOCKS; index++) {
      writeSync(over, block(version, index), 0, BLOCK_BYTES, index * BLOCK_BYTES);
      if (index % 16 === 0) await turn();
    }
  } finally {
    closeSync(over);
  }
}

const large = (): number => (draw(60) === 0 ? 17 << 20 : draw(8) === 0 ? 300_000 : 3_000);

const acts: (() => unknown)[] = [
  () => writeOver(any(`${name}.blocks`) ?? fresh(`${name}.blocks`)),
  () => write(fresh('.whole'), whole(bytes(large()))),
  () => write(any('.whole') ?? fresh('.whole'), whole(bytes(2_000))),
  () => {
    const temporary = fresh('.new');
    write(temporary, whole(bytes(large())));
    renameSync(temporary, any('.whole') ?? fresh('.whole'));
  },
  () => appendFileSync(any('.log') ?? fresh('.log'), record(bytes(100))),
  () => appendFileSync(any('.log') ?? fresh('.log'), record(bytes(100))),
  () => truncateSync(any('.log') ?? fresh('.log'), 0),
  () => mkdirSync(fresh('.d')),
  () => renameSync(any('.whole') ?? fresh('.whole'), fresh('.whole')),
  () => renameSync(any('.d') ?? fresh('.d'), fresh('.d')),
  () => unlinkSync(any('') ?? fresh('')),
  () => unlinkSync(any('.whole') ?? fresh('.whole')),
  () => draw(4) === 0 && rmSync(any('.d') ?? fresh('.d'), { recursive: true }),
  () => chmodSync(any('.whole') ?? fresh('.whole'), 0o600 + draw(64)),
  () => linkSync(any('.whole') ?? fresh('.whole'), fresh('.whole')),
  () => symlinkSync(`${draw(9)}`, fresh('.link')),
];

let operations = 0;
for (; !ending; operations++) {
  try {
    await acts[draw(acts.length)]!();
  } catch (error) {
    // Another of these processes was quicker, or the path does not exist yet.
    const { code } = error as { code?: string };
    if (!['ENOENT', 'EEXIST', 'ENOTEMPTY', 'ENOTDIR', 'EISDIR', 'EINVAL', 'EPERM'].includes(code ?? '')) throw error;
  }
  await turn();
}
process.stdout.write(`${operations}\n`);
