/** The example of queue/README.md, out of the document's own text: it compiles, and its job goes through both stages. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PACKAGE } from '../world/program.js';
import { until } from '../world/waiting.js';
import { blockOf } from './documents.js';
import { Sandbox } from './sandbox.js';

const COMPILER = join(PACKAGE, 'node_modules/typescript/bin/tsc');
const OPTIONS = ['--target', 'ES2022', '--module', 'NodeNext', '--strict', '--skipLibCheck', '--types', 'node'];

test('the job of the example is cut and glued', async (t) => {
  const sandbox = new Sandbox(t);
  symlinkSync(join(PACKAGE, 'node_modules'), sandbox.at('node_modules'));
  sandbox.write('package.json', '{ "type": "module" }');
  const text = blockOf('queue/README.md', 'ts')
    .replaceAll("'../src/", `'${PACKAGE}dist/src/`)
    .replaceAll("'./", `'${PACKAGE}dist/queue/`)
    .replace('/var/tmp/queue.db', sandbox.at('queue.db'));
  sandbox.write('example.ts', text);
  const compiled = spawnSync(process.execPath, [COMPILER, ...OPTIONS, 'example.ts'], {
    cwd: sandbox.root,
    encoding: 'utf8',
  });
  assert.equal(compiled.status, 0, compiled.stdout);
  const child: ChildProcess = spawn(process.execPath, ['example.js'], { cwd: sandbox.root });
  t.after(() => child.kill('SIGKILL'));
  let printed = '';
  for (const stream of [child.stdout!, child.stderr!])
    stream.setEncoding('utf8').on('data', (part: string) => {
      printed += part;
    });
  await until(`it prints its job; it printed: ${printed}`, () => printed.includes('a { cut: true }'));
});
