/** The commands of docs/replicate.md: each does to a real tree what the comment beside it says. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PACKAGE } from '../world/program.js';
import { until } from '../world/waiting.js';
import { createWorld } from '../world/world.js';
import { blockOf } from './documents.js';
import { Sandbox } from './sandbox.js';

test('--dry-run changes nothing, --once makes a mirror, and without both it follows', async (t) => {
  const sandbox = new Sandbox(t);
  symlinkSync(join(PACKAGE, 'bin'), sandbox.at('bin'));
  mkdirSync(sandbox.at('DEST'));
  sandbox.write('SOURCE/a.txt', 'a');
  const commands = blockOf('docs/replicate.md', 'sh').trimEnd().split('\n');
  const [follow, once, dry] = [
    commands.find((line) => !line.includes(' --')),
    ...['--once', '--dry-run'].map((flag) => commands.find((line) => line.includes(flag))),
  ];
  assert.ok(follow && once && dry, commands.join('\n'));
  assert.equal(sandbox.run(dry).status, 0);
  assert.ok(!existsSync(sandbox.at('DEST/a.txt')));
  assert.equal(sandbox.run(once).status, 0);
  assert.equal(readFileSync(sandbox.at('DEST/a.txt'), 'utf8'), 'a');
  const world = createWorld(t);
  const [program = '', ...words] = follow.replace(/#.*/, '').trim().split(/\s+/);
  const running = world.launch(sandbox.at(program), words, { cwd: sandbox.root });
  sandbox.write('SOURCE/b.txt', 'b');
  await until('the new file is in DEST', () => existsSync(sandbox.at('DEST/b.txt')));
  // The first copy may have brought that one.
  sandbox.write('SOURCE/c.txt', 'c');
  await until('a later file is in DEST', () => existsSync(sandbox.at('DEST/c.txt')));
  assert.equal((await running.stop()).code, 0);
});
