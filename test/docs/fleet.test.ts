/** The set-up of docs/fleet.md, by its own commands, with a real PostgreSQL: a host joins, ingests, and is shown. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { test } from 'node:test';
import { Postgres, postgresBinaries } from '../world/postgres.js';
import { blockOf } from './documents.js';
import { Sandbox } from './sandbox.js';

test('a host joins, ingests and is shown by the commands of the document', async (t) => {
  // The doctor wants a server that keeps what it has acknowledged.
  const server = await Postgres.start(t, { fsync: 'on' });
  if (!server) return;
  const sandbox = new Sandbox(t);
  for (const folder of ['staging', 'warehouse', 'manifests']) mkdirSync(sandbox.at(folder));
  sandbox.write('staging/orders.csv', 'a,b\n1,2\n');
  const config = sandbox.write(
    'ingest.yaml',
    `state-path: ${sandbox.at('state.db')}
feeds:
  orders:
    input: ${sandbox.at('staging')}
    warehouse: ${sandbox.at('warehouse')}
    manifests: ${sandbox.at('manifests')}
    stability-seconds: 0
    quiet-ms: 0
`,
  );
  // The server of a test has a user `ingest` already, who may do everything.
  const script = blockOf('docs/fleet.md', 'sh')
    .replace('createuser ingest; createdb -O ingest ingest', 'createuser lake; createdb -O lake lake')
    .replace('ingest@db.example.org/ingest', `lake@127.0.0.1:${server.port}/lake`)
    .replaceAll('/etc/atomic-ingestor.yaml', config)
    .replace(/^ingest /m, 'ingest --once ');
  const env = { PGHOST: '127.0.0.1', PGPORT: String(server.port), PGUSER: 'ingest', PGDATABASE: 'postgres' };
  const { status, stdout, stderr } = sandbox.run(script, { before: `PATH="$PATH:${postgresBinaries()}"`, env });
  assert.equal(status, 0, `${stdout}\n${stderr}`);
  assert.match(stdout, /lake-1/);
});
