import assert from 'node:assert/strict';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { planningTurns, writingTurns } from '../../../src/ingest/manifest/turns.js';

const turn = promisify(setImmediate);

/** Records the order in which planners get their turns. */
function askers(file: string): { ask: (name: string) => Promise<void>; had: string[] } {
  const had: string[] = [];
  const ask = async (name: string): Promise<void> => {
    await planningTurns.begin(file);
    had.push(name);
  };
  return { ask, had };
}

test('a batch that plans ahead waits until the lines of the previous one are written, and no longer', async () => {
  const { ask, had } = askers('one');
  await ask('first');
  const second = ask('second');
  const third = ask('third');
  await turn();
  assert.deepEqual(had, ['first']);
  planningTurns.end('one');
  await second;
  await turn();
  assert.deepEqual(had, ['first', 'second']);
  planningTurns.end('one');
  await third;
  planningTurns.end('one');
  await ask('fourth');
  planningTurns.end('one');
});

test('files do not wait for one another, and an end without a turn is nothing', async () => {
  await planningTurns.begin('a');
  await planningTurns.begin('b');
  planningTurns.end('a');
  planningTurns.end('a');
  await planningTurns.begin('a');
  planningTurns.end('a');
  planningTurns.end('b');
});

test('a turn that nobody ends costs the next one a wait, and nobody more', async () => {
  const { ask, had } = askers('late');
  await ask('forgets');
  await ask('waits');
  planningTurns.end('late');
  void ask('does not wait');
  await turn();
  assert.deepEqual(had, ['forgets', 'waits', 'does not wait']);
  planningTurns.end('late');
});

test('a writer has the file alone, in order of arrival; one that fails ends its turn', async () => {
  const acts: string[] = [];
  const act = (name: string) => async (): Promise<string> => {
    acts.push(`${name} begins`);
    await turn();
    acts.push(`${name} ends`);
    if (name === 'fails') throw new Error(name);
    return name;
  };
  const all = ['first', 'fails', 'last'].map((name) => writingTurns.during('file', act(name)));
  const ended = await Promise.allSettled(all);
  assert.deepEqual(
    ended.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  assert.deepEqual(
    acts,
    ['first', 'fails', 'last'].flatMap((name) => [`${name} begins`, `${name} ends`]),
  );
});
