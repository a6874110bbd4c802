/** The modes of TLS, as libpq has them, with a certificate of the test's own. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isSharedLedger } from '../../src/base/config/values/shared-ledger.js';
import { SharedConnection } from '../../src/fleet/connection.js';
import { Postgres } from '../world/postgres.js';

/** A certificate for `localhost`, which is its own CA. Answers the paths of both. */
function certificate(t: TestContext): { key: string; cert: string } {
  const root = mkdtempSync(join(tmpdir(), 'ingest-tls-'));
  t.after(() => rmSync(root, { recursive: true }));
  const [key, cert] = [join(root, 'server.key'), join(root, 'server.crt')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', ...subject].concat(
      ['-keyout', key, '-out', cert],
    ),
    { stdio: 'ignore' },
  );
  return { key, cert };
}

/** Whether the connection is encrypted. Errors: SharedError. */
async function isEncrypted(url: string): Promise<boolean> {
  assert.ok(isSharedLedger(url), url);
  const shared = new SharedConnection(url);
  try {
    const [row] = await shared.rows<{ ssl: boolean }>('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()');
    return row!.ssl;
  } finally {
    await shared.close();
  }
}

test('each mode encrypts, and trusts, what libpq would', async (t) => {
  const warned: string[] = [];
  const note = (warning: Error): void => void warned.push(warning.message);
  process.on('warning', note);
  t.after(() => process.off('warning', note));
  const server = await Postgres.start(t);
  if (!server) return;
  const at = (host: string, parameters: string): string =>
    `postgres://ingest@${host}:${server.port}/postgres${parameters}`;
  await assert.rejects(
    isEncrypted(at('127.0.0.1', '?sslmode=require')),
    /the server has no TLS, and sslmode asks for it: switch ssl on there, or write sslmode=disable/,
  );
  const { key, cert } = certificate(t);
  const other = certificate(t);
  const shared = new SharedConnection(server.url);
  server.give('server.key', readFileSync(key));
  server.give('server.crt', readFileSync(cert));
  await shared.rows('ALTER SYSTEM SET ssl = on');
  await shared.close();
  await server.stop();
  await server.begin();

  assert.equal(await isEncrypted(at('127.0.0.1', '')), false);
  assert.equal(await isEncrypted(at('127.0.0.1', '?sslmode=disable')), false);
  assert.equal(await isEncrypted(at('127.0.0.1', '?sslmode=require')), true, 'to whomever');
  const unknownCa =
    /the certificate of the server is not of a CA that is known here: name the file of that CA by sslrootcert/;
  await assert.rejects(isEncrypted(at('localhost', '?sslmode=verify-full')), unknownCa);
  await assert.rejects(isEncrypted(at('localhost', `?sslmode=verify-full&sslrootcert=${other.cert}`)), unknownCa);
  assert.equal(await isEncrypted(at('localhost', `?sslmode=verify-full&sslrootcert=${cert}`)), true);
  await assert.rejects(
    isEncrypted(at('127.0.0.1', `?sslmode=verify-full&sslrootcert=${cert}`)),
    /the certificate of the server is for another name: name that one in --shared-ledger/,
  );
  assert.equal(await isEncrypted(at('127.0.0.1', `?sslmode=verify-ca&sslrootcert=${cert}`)), true);
  await assert.rejects(isEncrypted(at('127.0.0.1', `?sslmode=verify-ca&sslrootcert=${other.cert}`)), unknownCa);
  await assert.rejects(isEncrypted(at('localhost', '?sslmode=verify-full&sslrootcert=/nowhere.crt')), /nowhere\.crt/);
  assert.deepEqual(warned, []);
});

test('an address that would not mean what it says is refused', () => {
  const refused = [
    'postgres://h/db',
    'postgres://u@h',
    'postgres://u@h/',
    'postgres://u:p@h/db',
    'postgres://u@h1,h2/db',
    'postgres://u@h/db?sslmod=require',
    'postgres://u@h/db?sslmode=requires',
    'postgres://u@h/db?sslmode=prefer',
    'postgres://u@h/db?sslmode=verify-ca',
    'postgres://u@h/db?password=p',
    'mysql://u@h/db',
    'u@h/db',
  ];
  for (const url of refused) assert.equal(isSharedLedger(url), false, url);
  for (const url of ['postgres://u@h/db', 'postgresql://u@h:6432/db', 'postgres://u@h/db?sslmode=verify-full'])
    assert.equal(isSharedLedger(url), true, url);
});
