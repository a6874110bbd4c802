/**
 * Reads every file of a tree again and again until its standard input ends. Prints each state that is not whole, one a
 * line, and at the end the number of files that it has read. Argument: the tree.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { judge } from './judge.js';

const tree = process.argv[2]!;
const turn = () => new Promise((resolve) => setImmediate(resolve));
let ending = false;
process.stdin.on('end', () => {
  ending = true;
});
process.stdin.resume();

let read = 0;
const gone = (error: unknown) => ['ENOENT', 'ENOTDIR'].includes((error as { code?: string }).code ?? '');

async function status(folder: string): Promise<void> {
  let entries: ReturnType<typeof list>;
  try {
    entries = list(folder);
  } catch (error) {
    if (gone(error)) return;
    throw error;
  }
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.name === '.ingest-replicate') continue;
    if (entry.isDirectory()) await status(path);
    else if (entry.isFile()) check(path);
    await turn();
    if (ending) return;
  }
}

const list = (folder: string) => readdirSync(folder, { withFileTypes: true });

function check(path: string): void {
  try {
    const wrong = judge(path, readFileSync(path));
    read++;
    if (wrong !== undefined) process.stdout.write(`TORN ${relative(tree, path)}: ${wrong}\n`);
  } catch (error) {
    if (!gone(error)) throw error;
  }
}

while (!ending) {
  await status(tree);
  await turn();
}
process.stdout.write(`READ ${read}\n`);
