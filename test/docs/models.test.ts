/** The models of docs/models are played for a moment: a change that breaks one is noticed. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { PACKAGE } from '../world/program.js';

function play(
  t: TestContext,
  model: string,
  ...args: string[]
): { status: number | null; stdout: string; stderr: string } | undefined {
  const path = join(PACKAGE, 'docs/models', model);
  const played = spawnSync('python3', ['-B', path, ...args], { encoding: 'utf8' });
  if (!played.error) return played;
  t.skip(`python3 is not installed: the model ${model} was not played`);
  return undefined;
}

test('the model of the shared ledger plays 500 schedules without a violation', (t) => {
  const played = play(t, 'shared_ledger.py', '--schedules', '500');
  if (!played) return;
  assert.equal(played.status, 0, played.stderr);
  assert.equal(played.stdout, '500 schedules, no violation\n');
});

test('the model of the shared ledger without a sentence is caught', (t) => {
  for (const name of ['no_fence', 'no_revision', 'no_seq']) {
    const played = play(t, 'shared_ledger.py', '--mutant', name, '--schedules', '500');
    if (!played) return;
    assert.equal(played.status, 1, `${name}: ${played.stdout}`);
    assert.match(played.stderr, /seed \d+: .*; faults: /);
  }
});

test('the model of publish plays 500 schedules without a violation', (t) => {
  const played = play(t, 'publish.py', '--schedules', '500');
  if (!played) return;
  assert.equal(played.status, 0, played.stdout);
  assert.match(played.stdout, /^500 schedules, /);
});

test('the model of publish without a rule is caught', (t) => {
  for (const name of ['no-condition', 'line-before-objects']) {
    const played = play(t, 'publish.py', '--mutant', name, '--schedules', '500');
    if (!played) return;
    assert.equal(played.status, 1, `${name}: ${played.stdout}`);
  }
});
