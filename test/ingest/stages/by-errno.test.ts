/** An errno of a call on one file: tried again, or held at once with the next step. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CATALOGUE } from '../../../src/base/errors.js';
import { byErrno, failed } from '../../../src/ingest/stages/each-job.js';
import type { Batch, IngestJob } from '../../../src/ingest/stages/stage.js';
import { LinuxError } from '../../../src/linux/index.js';

const job = { id: 'J', path: 'a.csv', facts: {} } as unknown as IngestJob;
const batch = { emit: () => assert.fail('an errno is no bug') } as unknown as Batch;

const outcomeOf = (code: string) =>
  byErrno(job, code, 'it failed').outcome as { kind: string; [field: string]: unknown };

test('what never heals by itself is held at once, with a sentence that says what to do', () => {
  for (const code of [
    'EXDEV',
    'EFBIG',
    'EPERM',
    'EACCES',
    'ENOTDIR',
    'EISDIR',
    'ELOOP',
    'ENAMETOOLONG',
    'EMLINK',
    'ENOTSUP',
  ]) {
    const { kind, code: given, reason } = outcomeOf(code);
    assert.equal(kind, 'hold', code);
    assert.equal(Object.hasOwn(CATALOGUE, String(given)), true, String(given));
    assert.match(String(reason), /^it failed: .{20,}/);
  }
});

test('what may pass is tried again', () => {
  for (const code of ['EIO', 'EBUSY', 'ENOMEM', 'ETIMEDOUT', 'EINTR', 'ENOENT', 'ENOLCK'])
    assert.deepEqual(outcomeOf(code), { kind: 'retry', code: code.toLowerCase(), error: 'it failed' });
});

test('an error of a call is judged by its errno, and keeps the call and the name', () => {
  const { outcome } = failed(job, batch, new LinuxError('renameat2', 27, ''));
  const { kind, reason } = outcome as { kind: string; reason?: string };
  assert.equal(kind, 'hold');
  assert.match(reason!, /^EFBIG: file too large, renameat2: that filesystem takes no file of this size/);
});
