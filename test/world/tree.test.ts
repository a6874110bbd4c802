/** A tree is read while somebody changes it. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Program } from './program.js';
import { tree } from './tree.js';
import { until } from './waiting.js';

/** One name is a file, a symlink to itself, and a directory with a file, in turn. */
const CHANGES = `
  const { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } = require('node:fs');
  const [one, next] = [process.argv[1] + '/tree/one', process.argv[1] + '/next'];
  for (;;) {
    writeFileSync(one, 'x');
    symlinkSync('one', next);
    renameSync(next, one);
    rmSync(one);
    mkdirSync(one);
    writeFileSync(one + '/below', 'x');
    mkdirSync(next);
    renameSync(one, next + '/away');
    symlinkSync('one', one);
    rmSync(next, { recursive: true });
    writeFileSync(next, 'x');
    renameSync(next, one);
  }`;

test('an entry that becomes another kind while it is read is left out, and is no error', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'tree-'));
  const directory = join(root, 'tree');
  mkdirSync(directory);
  const changing = new Program(process.execPath, ['-e', CHANGES, root]);
  t.after(async () => {
    changing.kill();
    await changing.ended;
    rmSync(root, { recursive: true, force: true });
  });
  await until('it is changed', () => tree(directory).length > 0);
  const kinds = new Set<string>();
  await until('it was read as each kind', () => {
    for (let n = 0; n < 2_000; n++) for (const { path, kind } of tree(directory)) if (path === 'one') kinds.add(kind);
    return kinds.size === 3;
  });
});
