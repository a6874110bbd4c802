/** The examples of docs/processing.md, out of the document's own text. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PACKAGE } from '../world/program.js';
import { blockOf } from './documents.js';
import { Sandbox } from './sandbox.js';

const DOCUMENT = 'docs/processing.md';

test('the first chain is tried on a file, by the command of the document', (t) => {
  const sandbox = new Sandbox(t);
  sandbox.write('orders.yaml', blockOf(DOCUMENT, 'yaml'));
  mkdirSync(sandbox.at('ops/examples'), { recursive: true });
  copyFileSync(join(PACKAGE, 'ops/examples/orders.csv'), sandbox.at('ops/examples/orders.csv'));
  const { status, stdout, stderr } = sandbox.run(blockOf(DOCUMENT, 'sh'));
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^good\b/m);
  assert.match(stdout, /^reject\b/m);
});

test('the module of the document passes the test of the document', (t) => {
  const sandbox = new Sandbox(t);
  mkdirSync(sandbox.at('node_modules'));
  symlinkSync(PACKAGE, sandbox.at('node_modules/atomic-ingestor'));
  sandbox.write('redact-email.mjs', blockOf(DOCUMENT, 'js', 'A module'));
  sandbox.write('own.mjs', blockOf(DOCUMENT, 'js', 'Tests of a module'));
  const { status, stdout, stderr } = sandbox.run('node own.mjs');
  assert.equal(status, 0, stdout + stderr);
  assert.match(stdout, /no address is left/);
});
