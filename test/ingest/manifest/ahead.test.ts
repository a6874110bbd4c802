import assert from 'node:assert/strict';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { beginAhead, endAhead } from '../../../src/ingest/manifest/ahead.js';

const turn = promisify(setImmediate);

/** In what order those who plan ahead come to their turns. */
function askers(file: string): { ask: (name: string) => Promise<void>; had: string[] } {
  const had: string[] = [];
  const ask = async (name: string): Promise<void> => {
    await beginAhead(file);
    had.push(name);
  };
  return { ask, had };
}

test('who plans ahead waits until the lines of the one before are written, and no longer', async () => {
  const { ask, had } = askers('one');
  await ask('first');
  const second = ask('second');
  const third = ask('third');
  await turn();
  assert.deepEqual(had, ['first']);
  endAhead('one');
  await second;
  await turn();
  assert.deepEqual(had, ['first', 'second']);
  endAhead('one');
  await third;
  endAhead('one');
  await ask('fourth');
  endAhead('one');
});

test('files do not wait for one another, and an end without a turn is nothing', async () => {
  await beginAhead('a');
  await beginAhead('b');
  endAhead('a');
  endAhead('a');
  await beginAhead('a');
  endAhead('a');
  endAhead('b');
});

test('a turn that nobody ends costs the next one a wait, and nobody more', async () => {
  const { ask, had } = askers('late');
  await ask('forgets');
  await ask('waits');
  endAhead('late');
  void ask('does not wait');
  await turn();
  assert.deepEqual(had, ['forgets', 'waits', 'does not wait']);
  endAhead('late');
});
