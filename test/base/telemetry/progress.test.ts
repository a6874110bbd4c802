/** The words of the line of progress, and how often it comes where nobody watches. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { workText } from '../../../src/base/telemetry/progress.js';
import { PACKAGE } from '../../world/program.js';

const GIB = 2 ** 30;

test('bytes, files, per cent, rate and the time that is left come before the name, which may be cut off', () => {
  const file = { path: 'b'.repeat(200), bytes: GIB / 4, of: GIB };
  const work = { files: 20, filesAll: 21, bytes: GIB / 2, bytesAll: 2 * GIB, file, more: ['1 held'] };
  assert.match(
    workText(work, GIB / 8),
    /^25%, 512 MiB of 2\.0 GiB, 20 of 21 files, 128 MiB\/s, 12s left, 1 held; 25% of b{200}$/,
  );
});

test('what is not known is not said: a speed at first, a total', () => {
  assert.equal(workText({ files: 0, filesAll: 1, bytes: 0, bytesAll: 50 }, 0), '0%, 0 B of 50 B, 0 of 1 file');
  assert.equal(workText({ files: 3, bytes: 2_048 }, 1_024), '2.0 KiB, 3 files, 1.0 KiB/s');
});

test('where no byte is counted, rows are', () => {
  const work = { part: 'ledger', noun: 'rows' as const, files: 1_500, filesAll: 6_000, bytes: 0 };
  assert.equal(workText(work, 1_000), 'ledger: 25%, 1,500 of 6,000 rows, 1,000 rows/s, 4.5s left');
});

test('all is 100 per cent, and almost all is not', () => {
  assert.match(workText({ files: 1, filesAll: 1, bytes: 1_000, bytesAll: 1_000 }, 0), /^100%, /);
  assert.match(workText({ files: 0, filesAll: 1, bytes: 999, bytesAll: 1_000 }, 0), /^99%, /);
});

test('without a terminal a line comes after ten seconds, on stderr, however often the work goes on; what is done never goes back', async () => {
  const module = JSON.stringify(join(PACKAGE, 'dist/src/base/telemetry/progress.js'));
  const script = `import { Progress } from ${module};
    const progress = new Progress('it');
    const began = performance.now();
    for (let n = 0; performance.now() - began < 19_000; n++) {
      progress.show({ files: 1, filesAll: 2, bytes: n === 0 ? 500 : 0, bytesAll: 1_000 });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    progress.end();`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  await once(child, 'close');
  assert.deepEqual({ stdout, stderr }, { stdout: '', stderr: 'it: 50%, 500 B of 1000 B, 1 of 2 files\n' });
});
