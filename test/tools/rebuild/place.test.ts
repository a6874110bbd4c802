/** The new state takes its place only when it is whole. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { makingPath, placeState } from '../../../src/tools/rebuild/state/place.js';

test('a new state whose log was not written back is not put in place, and nothing is thrown away', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'place-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const state = join(folder, 'state.db');
  writeFileSync(state, 'the old one');
  writeFileSync(makingPath(state), 'the main file');
  writeFileSync(`${makingPath(state)}-wal`, 'the half that did not fit');
  const before = readdirSync(folder);
  assert.throws(
    () => placeState(state, undefined),
    (error: Error & { code?: string }) => error.code === 'state_full' && /free some space/.test(error.message),
  );
  assert.deepEqual(readdirSync(folder), before);

  writeFileSync(`${makingPath(state)}-wal`, '');
  const aside = placeState(state, undefined);
  assert.equal(readFileSync(state, 'utf8'), 'the main file');
  assert.equal(readFileSync(aside!, 'utf8'), 'the old one');
});
