/** The example of ops/simulate/README.md: a slow copy is ingested. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PACKAGE } from '../world/program.js';
import { files } from '../world/tree.js';
import { blockOf } from './documents.js';
import { Sandbox } from './sandbox.js';

test('the slow copy of the document arrives', (t) => {
  const sandbox = new Sandbox(t);
  for (const folder of ['staging', 'warehouse', 'manifests'])
    mkdirSync(sandbox.at(`var/${folder}`), { recursive: true });
  symlinkSync(join(PACKAGE, 'bin'), sandbox.at('bin'));
  cpSync(join(PACKAGE, 'ops/simulate'), sandbox.at('ops/simulate'), { recursive: true });
  const script = blockOf('ops/simulate/README.md', 'sh').replace('--pause-seconds 1', '--pause-seconds 0.05');
  // The ingestor of the example runs until it is stopped: here it is, when the file is in the warehouse.
  const until =
    'for i in $(seq 3000); do find var/warehouse -name "*.csv" | grep -q . && break; sleep 0.1; done; kill $!; wait $!';
  const { status, stderr } = sandbox.run(`${script}\n${until}`, {
    // Also where the copy fails: nothing may be left running.
    before: "trap 'kill $! 2> /dev/null || :' EXIT",
    env: { INGEST_STABILITY_SECONDS: '1' },
  });
  assert.equal(status, 0, stderr);
  const stored = [...files(sandbox.at('var/warehouse'))].filter(({ path }) => path.includes('ingest_date='));
  assert.equal(stored.length, 1);
});
