/** Hosts that are gone for ever, come back, move, are copied or rolled back, each with the messages that the operator gets. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { BY_COUNTRY, broken, changeChain } from '../world/chains.js';
import { readDatabase } from '../world/database.js';
import { Fleet } from '../world/fleet.js';
import { hasFaketime } from '../world/postgres.js';
import { PACKAGE } from '../world/program.js';
import { skipUnlessRoot } from '../world/users.js';
import { until } from '../world/waiting.js';
import type { World } from '../world/world.js';

const QUICK = { options: { stabilitySeconds: 0.1, quietMs: 0 } };
const TWO_HOURS = { aheadS: 7_200 };
/** The finding for which `broken` fits. */
const BY_LAND = {
  ...BY_COUNTRY,
  steps: {
    check: { header: ['id', 'land', 'amount'], columns: { amount: 'number' }, next: 'route', else: 'reject' },
    route: { use: 'split', by: 'land' },
  },
} as const;

async function joined(t: TestContext, names: readonly string[], options = QUICK): Promise<Fleet | undefined> {
  const fleet = await Fleet.create(t, names, options);
  await fleet?.join();
  return fleet;
}

const holds = (world: World): boolean => world.jobs().some(({ state }) => state === 'held');

test('a host that is gone is forgotten once it was silent for an hour; when it is back, its files ask again', async (t) => {
  if (!hasFaketime())
    return t.skip('libfaketime is not installed (Debian: faketime): forgetting a host was not tested');
  const fleet = await joined(t, ['a', 'b'], { feeds: { orders: { options: { process: BY_COUNTRY } } } } as never);
  if (!fleet) return;
  const { world: a } = fleet.host('a');
  const { world: b } = fleet.host('b');
  const text = broken('x');
  const first = fleet.startOne(fleet.host('a'));
  a.drop('a.csv', text);
  await until('it is held at a', () => holds(a));
  await first.killAll();
  const early = await fleet.ctl('b', ['host', 'forget', 'a'], { code: 3 });
  assert.match(
    early,
    /the last sign of life of host a is \d+ s old: only a host that was silent for 3600 s can be forgotten/,
  );
  await fleet.server.stop();
  await fleet.server.begin(TWO_HOURS);
  assert.match(
    await fleet.ctl('b', ['host', 'forget', 'a']),
    /^a is forgotten\. 1 contents that it carried are free again;/,
  );
  assert.match(await fleet.ctl('b', ['host', 'forget', 'a']), /^a is forgotten\. 0 contents/, 'again');
  changeChain(b, 'orders', BY_LAND);
  fleet.startOne(fleet.host('b'));
  b.drop('b.csv', text);
  await until('b has it', () => b.warehouse().length > 0 && b.ledger()[0]?.state === 'stored');
  await fleet.toldAll();

  const back = fleet.startOne(fleet.host('a'));
  a.drop('other.csv', broken('other'));
  const { reason } = await a.event('gate_closed', ({ code }) => code === 'host_forgotten', { withinMs: 60_000 });
  assert.match(String(reason), /has this host \(.*\) as gone for ever.*: run ingest-ctl host rejoin/);
  await back.stop();
  const said = await fleet.ctl('a', ['host', 'rejoin', 'a']);
  assert.match(
    said,
    /^a is back\. Contents sent: 0; .*\n1 contents that were on their way here are other hosts' by now/,
  );
  fleet.startOne(fleet.host('a'));
  await a.run('ingest-ctl', ['retry', '--all']);
  await until('it is a duplicate of the one of b', () => a.duplicates().length === 1, { withinMs: 60_000 });
  const told = await a.event('file_skipped_duplicate');
  assert.equal(told.host, 'b');
  await fleet.stop();
});

test("a copy of a state is a host of its own once it is renewed; what was on its way stays the first one's", async (t) => {
  const fleet = await joined(t, ['a']);
  if (!fleet) return;
  const { world, url } = fleet.host('a');
  world.drop('one.csv', 'one');
  await world.runOnce(['--shared-ledger', url]);
  const copied = join(world.root, 'copied');
  cpSync(dirname(world.statePath), copied, { recursive: true });
  const renew = () =>
    world.launch('ingest-ctl', [
      ...['host', 'renew', 'copy', '--shared-ledger', url, '--state-path', join(copied, 'state.db')],
    ]).ended;
  const { code, stdout, stderr } = await renew();
  assert.equal(code, 0, stderr);
  assert.equal(stdout.trim(), 'copy is a host of its own now. Contents sent: 1; stored at other hosts too: 1.');
  const again = await renew();
  assert.match(again.stderr, /has a host copy already: choose another name/);
  const hosts = await fleet.rows<{ name: string }>('SELECT name FROM hosts ORDER BY name');
  assert.deepEqual(
    hosts.map(({ name }) => name),
    ['a', 'copy'],
  );
  const [conflict] = await fleet.rows<{ before_join: boolean }>('SELECT before_join FROM conflicts');
  assert.equal(conflict!.before_join, true, 'it is no finding');
  // The first one goes on as if nothing had happened.
  world.drop('two.csv', 'two');
  await world.runOnce(['--shared-ledger', url]);
  assert.equal(world.warehouse().length, 2);
});

test('of two copies the one that is adopted counts; the other one is refused', async (t) => {
  const fleet = await joined(t, ['a']);
  if (!fleet) return;
  const { world, url } = fleet.host('a');
  world.drop('one.csv', 'one');
  await world.runOnce(['--shared-ledger', url]);
  const aside = `${dirname(world.statePath)}.aside`;
  cpSync(dirname(world.statePath), aside, { recursive: true });
  // Its state file has another inode, so it is another place, which is watched for half a minute.
  // The former file stays under another name: the filesystem may give a free inode number to the copy.
  renameSync(dirname(world.statePath), `${dirname(world.statePath)}.former`);
  cpSync(aside, dirname(world.statePath), { recursive: true });
  assert.equal(
    await fleet.ctl('a', ['host', 'adopt', 'a']),
    'a is here now. Contents sent: 1; stored at other hosts too: 0.',
  );
  assert.equal(await fleet.ctl('a', ['host', 'adopt', 'a']), await fleet.ctl('a', ['host', 'adopt', 'a']), 'twice');
  const refused = await world.launch('ingest-ctl', [
    ...['host', 'join', 'a', '--shared-ledger', url, '--state-path', join(aside, 'state.db')],
  ]).ended;
  assert.equal(refused.code, 3);
  assert.match(
    refused.stderr,
    /it went on at another place since this state was written\. Is this state a copy\? Then run ingest-ctl host renew here/,
  );
  world.drop('two.csv', 'two');
  await world.runOnce(['--shared-ledger', url]);
  fleet.check();
});

test('a host that was rolled back frees what is gone, and goes on', async (t) => {
  const fleet = await joined(t, ['a', 'b']);
  if (!fleet) return;
  const { world: a, url } = fleet.host('a');
  const { world: b } = fleet.host('b');
  a.drop('one.csv', 'one');
  await a.runOnce(['--shared-ledger', url]);
  const snapshot = `${a.root}.snapshot`;
  t.after(() => rmSync(snapshot, { recursive: true, force: true }));
  cpSync(a.root, snapshot, { recursive: true, preserveTimestamps: true });
  a.drop('two.csv', 'two');
  await a.runOnce(['--shared-ledger', url]);
  rmSync(a.root, { recursive: true });
  cpSync(snapshot, a.root, { recursive: true, preserveTimestamps: true });
  const adopted = await fleet.ctl('a', ['host', 'adopt', 'a']);
  assert.match(adopted, /The others count 1 contents as this host's that its state does not know\./);
  assert.match(await fleet.ctl('a', ['host', 'lost']), /^The others count 1 contents .* Add --yes to free the rest/);
  assert.match(await fleet.ctl('a', ['host', 'lost', '--yes']), /^1 contents are free/);
  assert.match(await fleet.ctl('a', ['host', 'lost', '--yes']), /^0 contents are free/);
  fleet.start();
  b.drop('two.csv', 'two');
  await until('b stores it', () => b.warehouse().length === 1);
  a.drop('one.csv', 'one');
  await until('what was before stays', () => a.duplicates().length === 1);
  await fleet.stop();
});

test('a state that was lost and rebuilt joins again as the same host', async (t) => {
  const fleet = await joined(t, ['a', 'b']);
  if (!fleet) return;
  const { world: a, url } = fleet.host('a');
  const { world: b } = fleet.host('b');
  a.drop('one.csv', 'one');
  await a.runOnce(['--shared-ledger', url]);
  rmSync(dirname(a.statePath), { recursive: true });
  const rebuilt = await a.launch('ingest-ctl', ['rebuild', ...a.flags('ingest')]).ended;
  assert.equal(rebuilt.code, 0, rebuilt.stderr);
  assert.match(await fleet.ctl('a', ['host', 'join', 'a']), /^a has joined\. Contents sent: 1; .*: 0\.$/);
  fleet.start();
  b.drop('one.csv', 'one');
  await until('b knows', () => b.duplicates().length === 1);
  a.drop('two.csv', 'two');
  await until(
    'a goes on',
    () => readDatabase(a.statePath, 'orders')?.ledger.length === 2 || a.warehouse().length === 2,
  );
  await fleet.stop();
});

test('a machine that was started again watches for half a minute that nobody is there, and goes on as the same host', async (t) => {
  if (skipUnlessRoot(t, 'another boot id, which is bind-mounted, in the shared ledger')) return;
  const fleet = await joined(t, ['a']);
  if (!fleet) return;
  const { world, url } = fleet.host('a');
  world.drop('one.csv', 'one');
  await world.runOnce(['--shared-ledger', url]);
  const [machine, boot] = ['machine-id', 'boot-id'].map((name) => join(world.root, name)) as [string, string];
  writeFileSync(machine, `${'c'.repeat(32)}\n`);
  writeFileSync(boot, 'b00b00b0-0000-4000-8000-000000000000\n');
  const bind = (what: string, on: string): string => `mount --bind ${what} ${on}`;
  const mounts = [
    bind(boot, '/proc/sys/kernel/random/boot_id'),
    ...(existsSync('/etc/machine-id') ? [bind(machine, '/etc/machine-id')] : []),
  ];
  const program = world.launch('/usr/bin/unshare', [
    ...['-m', 'sh', '-c', [...mounts, 'exec "$0" "$@"'].join(' && '), join(PACKAGE, 'bin/ingest')],
    ...[...world.flags('ingest'), '--shared-ledger', url],
  ]);
  world.drop('two.csv', 'two');
  const { reason } = await world.event('gate_closed', ({ code }) => code === 'host_is_watched');
  assert.match(
    String(reason),
    /this host \(.*\) was last at another place, and is watched for 30 s: does it live there\?/,
  );
  await world.stored(2, { withinMs: 90_000 });
  await program.stop();
  const [host] = await fleet.rows<{ incarnation: string; place: string }>('SELECT incarnation, place FROM hosts');
  assert.equal(host!.incarnation, '2');
  assert.match(host!.place, /b00b00b0-0000-4000-8000-000000000000/);
  fleet.check();
});
