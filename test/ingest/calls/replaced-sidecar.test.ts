/**
 * A sidecar that its uploader replaces while it is sealed: a process renames one after the other over it, each with another
 * checksum, and some of them come between the reading and the rename.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { SealAnswer } from '../../../src/ingest/calls/order.js';
import { grounds } from './grounds.js';

const SEALS = 600;

const REPLACING = `
  const { renameSync, writeFileSync } = require('node:fs');
  const path = process.argv[1];
  for (let n = 0; ; n++) {
    const digest = n.toString(16).padStart(64, '0');
    writeFileSync(path + '.tmp', digest);
    renameSync(path + '.tmp', path);
    if (n === 0) console.log('begun');
  }`;

test('a sidecar that is replaced while it is sealed never goes with a file unread', async (t) => {
  const options = { mode: 'sidecar', stabilitySeconds: 0, quietMs: 0, partialUploadSeconds: 0 };
  const { drop, seal, sealed, input } = await grounds(t, options);
  const child = spawn(process.execPath, ['-e', REPLACING, input('x.csv.ok')], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await once(child.stdout, 'data');
    let replaced = 0;
    let whole = 0;
    for (let n = 0; n < SEALS; n++) {
      const file = drop('x.csv');
      const [answer] = seal(file) as SealAnswer[];
      if (answer?.kind === 'sealed') {
        const says = readFileSync(sealed(file, 'sidecar'), 'utf8');
        assert.deepEqual(answer.sidecar, { kind: 'sha256', sha256: says }, `seal ${n}`);
        whole++;
      } else replaced += Number(answer?.kind === 'changed' || answer?.kind === 'other_version');
    }
    assert(replaced > 0, 'no replacement was found');
    assert(whole > 0, 'no file went with its sidecar');
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});
