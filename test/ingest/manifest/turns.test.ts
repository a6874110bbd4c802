import assert from 'node:assert/strict';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { writingTurns } from '../../../src/ingest/manifest/turns.js';

const turn = promisify(setImmediate);

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
