/**
 * Failures of the delivery, as errors with sentences.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Troubles } from '../../src/watcher/troubles.js';

test('a delivery that fails on two sides is over when both succeed; each sentence names what to do', () => {
  const told: string[] = [];
  const troubles = new Troubles('/r', '/s', {
    error: ({ message }) => told.push(message),
    recovered: () => told.push('over'),
  });
  const full = Object.assign(new Error('full'), { code: 'SQLITE_FULL' });
  troubles.failing('consumer', full);
  troubles.note({ event: 'delivery_failing', error: full });
  troubles.note({ event: 'delivery_back' });
  assert.equal(told.length, 1);
  assert.match(told[0]!, /^\/s: .*: free space on its disk \(SQLITE_FULL\)\.$/);
  troubles.back('consumer');
  assert.deepEqual(told.slice(1), ['over']);
  troubles.failing('consumer', Object.assign(new Error('none'), { code: 'EMFILE' }));
  troubles.note({ event: 'root_missing', code: 'EMFILE' });
  for (const message of told.slice(2))
    assert.match(
      message,
      /^\/r: .* out of file descriptors.*: raise the limit of open files \(ulimit -n\) \(EMFILE\)\.$/,
    );
  assert.equal(told.length, 4);
});

test('a root or directory that fails for another reason than before is reported again, with that reason', () => {
  const told: (string | undefined)[] = [];
  const troubles = new Troubles('/r', undefined, {
    error: ({ code }) => told.push(code),
    recovered: ({ code }) => told.push(`over ${code}`),
  });
  for (const code of ['ENOENT', 'ENOENT', 'EACCES']) troubles.note({ event: 'root_missing', code });
  troubles.note({ event: 'root_back' });
  assert.deepEqual(told, ['ENOENT', 'EACCES', 'over EACCES']);
});
