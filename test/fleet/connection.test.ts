/** Messages of the commands about a shared ledger that cannot be used, against real servers. */
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { SharedConnection } from '../../src/fleet/connection.js';
import { SharedError } from '../../src/fleet/errors.js';
import { makeTables } from '../../src/fleet/schema.js';
import { Postgres } from '../world/postgres.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

const PASSWORD = 'the-secret-word';

async function withRows<T>(server: Postgres, act: (shared: SharedConnection) => Promise<T>): Promise<T> {
  const shared = new SharedConnection(server.url);
  try {
    return await act(shared);
  } finally {
    await shared.close();
  }
}

const sql = (server: Postgres, ...statements: string[]): Promise<void> =>
  withRows(server, async (shared) => {
    for (const statement of statements) await shared.rows(statement);
  });

/** Joins with that address. Returns the text on standard error. */
async function join3(world: World, url: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const { code, stderr, stdout } = await world.run('ingest-ctl', ['host', 'join', 'a', '--shared-ledger', url], {
    env,
  });
  assert.equal(code, 3, stdout);
  assert.doesNotMatch(stderr, new RegExp(PASSWORD));
  return stderr;
}

async function setUp(t: TestContext, settings = {}): Promise<{ server: Postgres; world: World } | undefined> {
  const server = await Postgres.start(t, settings);
  return server && { server, world: createWorld(t) };
}

test('a password comes from PGPASSWORD or .pgpass, and no error message shows it', async (t) => {
  const here = await setUp(t);
  if (!here) return;
  const { server, world } = here;
  await sql(server, `ALTER ROLE ingest PASSWORD '${PASSWORD}'`);
  server.allow('scram-sha-256');
  await until('a password is asked for', () =>
    sql(server, 'SELECT 1').then(
      () => false,
      () => true,
    ),
  );
  assert.match(
    await join3(world, server.url),
    /the server asks for a password, and there is none: set PGPASSWORD, or write HOST:PORT:DATABASE:USER:PASSWORD into ~\/\.pgpass/,
  );
  assert.match(
    await join3(world, server.url, { PGPASSWORD: 'wrong' }),
    /the password was refused: set PGPASSWORD, or correct/,
  );
  assert.match(
    await join3(world, server.url.replace('ingest@', 'nobody@'), { PGPASSWORD: PASSWORD }),
    /the password was refused/,
  );
  const pgpass = join(world.root, 'pgpass');
  writeFileSync(pgpass, `127.0.0.1:*:postgres:ingest:${PASSWORD}\n`, { mode: 0o644 });
  const open = await join3(world, server.url, { PGPASSFILE: pgpass });
  assert.match(open, /pgpass" has group or world access/);
  assert.match(open, /which nobody else may read/);
  chmodSync(pgpass, 0o600);
  for (const env of [{ PGPASSFILE: pgpass }, { PGPASSWORD: PASSWORD }]) {
    const { code, stderr } = await world.run('ingest-ctl', ['host', 'join', 'a', '--shared-ledger', server.url], {
      env,
    });
    assert.equal(code, 0, stderr);
  }
  const program = world.start('ingest', ['--shared-ledger', server.url], { env: { PGPASSFILE: pgpass } });
  world.drop('one.csv', 'one');
  await world.stored(1);
  for (const pid of [program.pid, ...program.descendants()])
    assert.doesNotMatch(readFileSync(`/proc/${pid}/cmdline`, 'latin1'), new RegExp(PASSWORD));
  await world.stop();
  assert.ok(!readFileSync(world.statePath).includes(PASSWORD), 'not in the state');
  assert.ok(!JSON.stringify(world.log.all).includes(PASSWORD), 'not in the log');
  const refused = await world.run('ingest', ['--shared-ledger', server.url.replace('@', `:${PASSWORD}@`)]);
  assert.equal(refused.code, 2);
  assert.doesNotMatch(refused.stderr, new RegExp(PASSWORD));
});

test('a missing database, user, right or connection is reported in one sentence each', async (t) => {
  const here = await setUp(t);
  if (!here) return;
  const { server, world } = here;
  assert.match(
    await join3(world, server.url.replace(/postgres$/, 'lake')),
    /the database of that name does not exist: create it/,
  );
  assert.match(
    await join3(world, server.url.replace('ingest@', 'nobody@')),
    /the server refuses this user: see pg_hba\.conf/,
  );
  await sql(server, 'CREATE ROLE guest LOGIN');
  const guest = server.url.replace('ingest@', 'guest@');
  assert.match(
    await join3(world, guest),
    /the user may not do that: .* CREATE on the schema for the first host that joins/,
  );
  await withRows(server, makeTables);
  assert.match(await join3(world, guest), /the user may not do that: grant SELECT, INSERT, UPDATE and DELETE/);
  await sql(server, 'ALTER ROLE guest CONNECTION LIMIT 0');
  assert.match(await join3(world, guest), /the server has no connection left for this user/);
  await sql(server, 'UPDATE schema_version SET oldest_client = 2');
  assert.match(
    await join3(world, server.url),
    /needs clients of version 2 or newer, and this one has 1: install the newer ingestor/,
  );
});

test('a standby is reported as a standby', async (t) => {
  const here = await setUp(t);
  if (!here) return;
  const { server, world } = here;
  await server.stop();
  server.becomeStandby();
  await server.begin();
  assert.match(
    await join3(world, server.url),
    /the server is a standby and read only: name the primary, or a proxy that leads to it/,
  );
  const { stdout } = await world.launch('ingest-ctl', [
    'doctor',
    ...world.flags('ingest'),
    '--shared-ledger',
    server.url,
  ]).ended;
  assert.match(stdout, /^fail {2}shared ledger: PostgreSQL \d+ at .* is a standby, and read only/m);
});

test('a server that takes a connection and never answers is given up', async (t) => {
  const world = createWorld(t);
  const taken: Socket[] = [];
  const silent = createServer((socket) => void taken.push(socket)).listen(0, '127.0.0.1');
  t.after(() => {
    for (const socket of taken) socket.destroy();
    silent.close();
  });
  await new Promise((resolve) => silent.once('listening', resolve));
  const { port } = silent.address() as { port: number };
  assert.match(await join3(world, `postgres://ingest@127.0.0.1:${port}/postgres`), /it does not answer \(timeout\)/);
});

test('the server ends a statement that waits for a lock, and its outcome counts as unknown', async (t) => {
  const here = await setUp(t);
  if (!here) return;
  const { server } = here;
  await withRows(server, makeTables);
  await withRows(server, async (holder) => {
    // One statement is one transaction: the lock lasts as long as it sleeps.
    const held = holder.rows('DO $$ BEGIN LOCK TABLE hosts; PERFORM pg_sleep(8); END $$');
    await withRows(server, async (shared) => {
      const isLocked =
        "SELECT 1 FROM pg_locks WHERE relation = 'hosts'::regclass AND mode = 'AccessExclusiveLock' AND granted";
      await until('the lock', async () => (await shared.rows(isLocked)).length > 0);
      await assert.rejects(
        shared.rows('SELECT * FROM hosts'),
        (error) => error instanceof SharedError && error.code === '55P03' && error.kind === 'unknown',
      );
    });
    await held;
  });
});
