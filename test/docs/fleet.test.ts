/** The set-up of docs/fleet.md, by its own commands, with a real PostgreSQL that asks for the password of .pgpass. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Postgres, postgresBinaries } from '../world/postgres.js';
import { blocksOf } from './documents.js';
import { Sandbox } from './sandbox.js';

const PASSWORD = 'a-word';

test('a host joins and ingests by the commands of the document', async (t) => {
  const server = await Postgres.start(t);
  if (!server) return;
  const [database, host] = blocksOf('docs/fleet.md').map(({ text }) => text);
  const sandbox = new Sandbox(t);
  const env = { PGHOST: '127.0.0.1', PGPORT: String(server.port), PGUSER: 'ingest', PGDATABASE: 'postgres' };
  // The server of a test has a user `ingest` already, who may do everything.
  const made = sandbox.run(
    database!
      .replaceAll('ingest', 'lake')
      .replace(' --pwprompt', '')
      .concat(`psql -c "ALTER ROLE lake PASSWORD '${PASSWORD}'" lake`),
    { before: `PATH="$PATH:${postgresBinaries()}"`, env },
  );
  assert.equal(made.status, 0, `${made.stdout}\n${made.stderr}`);
  server.allow('scram-sha-256');

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
  const { status, stdout, stderr } = sandbox.run(
    host!
      .replaceAll('ingest@db.example.org/ingest', `lake@127.0.0.1:${server.port}/lake`)
      .replace('db.example.org:5432:ingest:ingest:PASSWORD', `127.0.0.1:${server.port}:lake:lake:${PASSWORD}`)
      .replace('/var/lib/atomic-ingestor/state.db', sandbox.at('state.db'))
      .replaceAll('/etc/atomic-ingestor/config.yaml', config)
      .replace(/^ingest /m, 'ingest --once '),
  );
  assert.equal(status, 0, `${stdout}\n${stderr}`);
  assert.match(stdout, /lake-1 has joined[\s\S]*^lake-1 /m);
  assert.match(readFileSync(config, 'utf8'), /^shared-ledger: postgres:/);

  const seen = sandbox.run(
    `psql -At -c 'SELECT h.name, c.feed, c.state FROM contents c JOIN hosts h ON h.id = c.host' -c 'SHOW statement_timeout' \\
      -c 'SHOW synchronous_commit' lake`,
    { before: `PATH="$PATH:${postgresBinaries()}"`, env: { ...env, PGUSER: 'lake', PGPASSWORD: PASSWORD } },
  );
  assert.equal(seen.stdout, 'lake-1|orders|stored\n10s\non\n', seen.stderr);
});

test('it has at most 900 words', () => {
  const text = readFileSync(new URL('../../../docs/fleet.md', import.meta.url), 'utf8');
  assert.ok(text.split(/\s+/).length <= 900);
});
