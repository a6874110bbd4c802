/** The views of the shared ledger: queue-stat --fleet, findings, audit, explain, dry-run, page, doctor. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { browserFor, open, seriousIn, tooWide } from '../service/dashboard/browser.js';
import { dashboardAlone } from '../service/dashboard/served.js';
import { Fleet, type FleetHost, untoldOf } from '../world/fleet.js';
import { alter } from '../world/state-by-hand.js';
import { until } from '../world/waiting.js';

const oneLine = (text: string): string => text.replace(/\s+/g, ' ');

/** Two hosts; the first has stored `a.csv`. Nothing runs. */
async function fleetOfTwo(t: TestContext): Promise<Fleet | undefined> {
  const fleet = await Fleet.create(t, ['a', 'b'], { options: { stabilitySeconds: 0, quietMs: 0 } });
  if (!fleet) return undefined;
  await fleet.join();
  const { world } = fleet.host('a');
  world.drop('a.csv', 'content');
  await once(fleet.host('a'));
  return fleet;
}

const once = ({ world, url }: FleetHost) => world.runOnce(['--shared-ledger', url]);

/** Gives the rows of a host to the other one, as if the ledger had been restored meanwhile. */
async function giveAway(fleet: Fleet, from: FleetHost): Promise<void> {
  await fleet.rows("UPDATE contents SET host = (SELECT id FROM hosts WHERE name = 'b')");
  await fleet.ctl(from.name, ['host', 'join', from.name]);
  await once(from);
}

interface Report {
  ledger: string;
  hosts: {
    host: string;
    condition: string;
    waiting: number | null;
    conflicts: number;
    conflicts_before_join: number;
  }[];
  findings: { code: string; what?: string }[];
}

test('queue-stat --fleet shows the hosts, who is silent, and what is stored twice', async (t) => {
  const fleet = await fleetOfTwo(t);
  if (!fleet) return;
  const [a, b] = fleet.hosts as [FleetHost, FleetHost];
  const stat = (...args: string[]) =>
    b.world.launch('queue-stat', ['--fleet', '--shared-ledger', b.url, ...args]).ended;
  const report = async () => JSON.parse((await stat('--json')).stdout) as Report;

  const running = fleet.startOne(b);
  await until('b to have sent its figures', async () => (await report()).hosts[1]!.waiting === 0);
  const text = await stat();
  assert.match(text.stdout, /^host +condition +last seen +waiting +held +oldest +untold +conflicts\n/);
  assert.match(text.stdout, /^a +runs at times +(?:now|.* ago) +0 +0 +- +0 +0$/m);
  assert.match(text.stdout, /^b +at work +(now|.* ago) +0 +0 +- +0 +0$/m);
  assert.match((await stat('--check')).stdout, /^INGEST OK - 2 hosts share the ledger \| hosts=2/);
  await running.stop();

  await fleet.rows("UPDATE hosts SET seen_at = seen_at - interval '2 hours'");
  await giveAway(fleet, a);
  const { hosts, findings } = await report();
  assert.deepEqual(
    findings.map(({ code, what }) => `${code} ${what}`),
    ['host_silent b', 'content_stored_twice a'],
  );
  assert.deepEqual(
    hosts.map(({ host, condition, conflicts }) => `${host} ${condition} ${conflicts}`),
    ['a runs at times 1', 'b silent 0'],
  );
  const check = await stat('--check');
  assert.equal(check.code, 2);
  assert.match(
    check.stdout,
    /^INGEST CRITICAL - Host b has given no sign of life for 2h.*; other hosts wait for what it carries\./,
  );
  assert.match(oneLine((await stat()).stdout), /1 content is stored at host a and at another host too\./);

  await fleet.ctl('a', ['host', 'forget', 'b']);
  assert.equal((await report()).hosts[1]!.condition, 'forgotten');
  assert.deepEqual(
    (await report()).findings.map(({ code }) => code),
    ['content_stored_twice'],
  );
});

test('queue-stat --fleet says that the ledger is away, and finds its address in the state', async (t) => {
  const fleet = await fleetOfTwo(t);
  if (!fleet) return;
  const { world } = fleet.host('a');
  const ofState = await world.run('queue-stat', ['--fleet']);
  assert.match(ofState.stdout, /^a +runs at times/m);
  await fleet.server.stop();
  const away = await world.run('queue-stat', ['--fleet']);
  assert.equal(away.code, 0);
  assert.match(
    oneLine(away.stdout),
    /^stuck: the shared ledger 127\.0\.0\.1:\d+\/postgres: .*goes on by itself when it answers/,
  );
  assert.match((await world.run('queue-stat', ['--fleet', '--check'])).stdout, /^INGEST CRITICAL - the shared ledger/);
  const without = await world.launch('queue-stat', ['--fleet']).ended;
  assert.equal(without.code, 2);
  assert.match(without.stderr, /queue-stat --fleet needs --shared-ledger/);
  const two = await world.run('queue-stat', ['--fleet', '--feed', 'default']);
  assert.match(two.stderr, /--fleet does not go with --feed/);
});

test('a state reports ends that the shared ledger does not have yet, and so does ingest --once at its end', async (t) => {
  const fleet = await fleetOfTwo(t);
  if (!fleet) return;
  const { world, url } = fleet.host('a');
  const findings = async () =>
    (JSON.parse((await world.run('queue-stat', ['--json'])).stdout) as Report).findings
      .map(({ code }) => code)
      .filter((code) => /told|joined/.test(code));
  world.drop('b.csv', 'to be recorded');
  await once(fleet.host('a'));
  assert.equal(untoldOf(world.statePath), 0);
  assert.deepEqual(await findings(), []);

  alter(world, 'UPDATE contents SET told = 0, updated_at_ms = updated_at_ms - 70000');
  assert.deepEqual(await findings(), ['contents_untold']);
  const { stdout } = await world.run('queue-stat', ['--all']);
  assert.match(
    oneLine(stdout),
    /notice: 2 contents that were stored here are not recorded in the shared ledger yet\. since .*ingest does that by itself/,
  );
  await fleet.server.stop();
  const away = await world.runOnce(['--shared-ledger', url]);
  assert.match(
    oneLine(away.stderr),
    /ingest: 2 contents that were stored here are not recorded in the shared ledger yet\./,
  );

  alter(world, 'UPDATE host SET cursor = 0');
  assert.deepEqual(await findings(), ['told_again', 'contents_untold']);
  alter(world, 'UPDATE host SET cursor = -1');
  assert.deepEqual(await findings(), ['host_not_joined']);
  alter(world, 'UPDATE host SET cursor = 0');
  await fleet.server.begin();
  const back = await world.runOnce(['--shared-ledger', url]);
  assert.doesNotMatch(back.stderr, /recorded in the shared ledger/);
  assert.deepEqual(await findings(), []);
});

test('audit --fleet names what the shared ledger and a state do not agree on', async (t) => {
  const fleet = await fleetOfTwo(t);
  if (!fleet) return;
  const a = fleet.host('a');
  const audit = async (code: number) => {
    const ended = await a.world.run('ingest-ctl', ['audit', '--fleet']);
    assert.equal(ended.code, code, ended.stderr);
    return ended.stdout;
  };
  assert.match(await audit(0), /^no difference in 1 contents/);
  const { sha256 } = a.world.warehouse()[0]!;
  await fleet.rows('DELETE FROM contents');
  assert.match(
    await audit(4),
    new RegExp(`shared_row_missing +${sha256}: it is stored here, and the shared ledger has it as unknown`),
  );
  await fleet.rows(
    `INSERT INTO contents (sha256, feed, generation, host, state, size, at)
     SELECT sha256(h.name::bytea), 'default', 1, h.id, 'stored', 1, now() FROM hosts h`,
  );
  assert.match(
    await audit(4),
    /shared_row_unknown .*: the shared ledger has it as stored here, and this state does not know it/,
  );
  assert.match(await audit(4), /^2 differences in /m);
  await fleet.rows(
    `UPDATE contents SET sha256 = '\\x${sha256}' WHERE host = (SELECT id FROM hosts WHERE name = 'b');
     DELETE FROM contents WHERE host = (SELECT id FROM hosts WHERE name = 'a')`,
  );
  assert.match(await audit(4), /stored_twice .*: another host has stored it too/);
  await fleet.ctl('a', ['host', 'join', 'a']);
  await once(a);
  assert.match(await audit(4), /stored_twice .*: another host has stored it too/);
  assert.match(await audit(4), /^1 difference in /m);
  // The other one withdraws it. This host records its own again by itself.
  await fleet.rows("UPDATE contents SET state = 'withdrawn'");
  assert.match(await audit(0), /^no difference in 1 contents/);
  // A short run may find that in its last round, and the next one records it.
  for (let run = 0; run < 2; run++) await once(a);
  assert.deepEqual(await fleet.rows('SELECT h.name, c.state FROM contents c JOIN hosts h ON h.id = c.host'), [
    { name: 'a', state: 'stored' },
  ]);
  await fleet.server.stop();
  assert.match(
    await a.world.run('ingest-ctl', ['audit', '--fleet']).then(({ stderr }) => stderr),
    /ingest-ctl: the shared ledger/,
  );
});

test('explain and a dry run say what other hosts have', async (t) => {
  const fleet = await fleetOfTwo(t);
  if (!fleet) return;
  const [a, b] = fleet.hosts as [FleetHost, FleetHost];
  const { sha256 } = a.world.dropped[0]!;
  const dryRun = async () => (await b.world.run('ingest', ['--dry-run', '--shared-ledger', b.url])).stdout;
  const explain = async (word: string) => {
    const ended = await b.world.run('ingest-ctl', ['explain', word]);
    assert.equal(ended.code, 0, ended.stderr);
    return oneLine(ended.stdout);
  };
  b.world.drop('same.csv', 'content');
  assert.match(await dryRun(), /^duplicate\tsame\.csv\thost a has stored it as \/.*\/a\.csv$/m);

  await fleet.rows("UPDATE contents SET state = 'carried', target = NULL");
  assert.match(await dryRun(), /^wait\tsame\.csv\thost a has it under way$/m);
  const running = fleet.startOne(b);
  // While the stage asks again, a batch has it.
  const isWaiting = /Host a has its content under way: when that one is stored, this one is a duplicate of it\./;
  const waits = await until('it waits', async () => {
    const told = oneLine((await b.world.run('ingest-ctl', ['explain', 'same.csv'])).stdout);
    return isWaiting.test(told) && told;
  });
  assert.match(waits, /The shared ledger says that host a has it under way\. What releases it: look at host a/);
  await running.stop();

  await fleet.rows("UPDATE contents SET state = 'stored', target = '/there'");
  assert.match(await explain(sha256), /says that host a has stored it as \//);
  await once(b);
  assert.equal(b.world.duplicates().length, 1);
  // Host a is lost, and what it had stored was freed.
  await fleet.rows('DELETE FROM contents');
  b.world.drop('later.csv', 'content');
  assert.match(await dryRun(), /^store\tlater\.csv\t/m);
  rmSync(join(b.world.input, 'later.csv'));
  await fleet.server.stop();
  assert.match(await explain(sha256), /It is not known whether other hosts have it: the shared ledger/);
  assert.match(await dryRun(), /^total\t0 files/m);
  b.world.drop('new.csv', 'new');
  assert.match(await dryRun(), /^wait\tnew\.csv\tthe shared ledger/m);
});

test('the page and the metrics show the hosts and what is untold', async (t) => {
  const fleet = await fleetOfTwo(t);
  if (!fleet) return;
  const { world } = fleet.host('a');
  await fleet.rows("UPDATE hosts SET seen_at = seen_at - interval '2 hours', figures = NULL WHERE name = 'b'");
  await fleet.rows(
    `INSERT INTO conflicts (sha256, feed, generation, host, before_join)
     SELECT sha256, feed, generation, (SELECT id FROM hosts WHERE name = 'b'), false FROM contents`,
  );
  const served = await dashboardAlone(world);
  const report = async () => (await served.snapshot()).hosts;
  await until('the ledger has answered', async () => (await report()) !== undefined);
  assert.deepEqual(
    (await report())!.hosts.map(({ host, condition, conflicts }) => `${host} ${condition} ${conflicts}`),
    ['a runs at times 0', 'b silent 1'],
  );
  alter(world, 'UPDATE contents SET told = 0');
  const metrics = (await served.ask('/metrics')).body;
  assert.match(metrics, /^ingest_untold_contents 1$/m);
  assert.match(metrics, /^ingest_host_findings\{severity="stuck",code="host_silent",host="b"\} 1$/m);
  assert.match(metrics, /^ingest_host_findings\{severity="notice",code="content_stored_twice",host="b"\} 1$/m);
  const asked = fleet.host('a').proxy.statements;
  for (let n = 0; n < 5; n++) await Promise.all([served.snapshot(), served.ask('/metrics')]);
  assert.ok(fleet.host('a').proxy.statements <= asked + 1, 'many pages ask once');

  const browser = await browserFor(t, 'the page with several hosts (queue-stat --fleet names all)');
  if (!browser) return;
  const { page, complaints } = await open(t, browser, served.url);
  await page.getByText('Host b has given no sign of life').waitFor();
  const cells = await page
    .locator('#hosts tbody tr')
    .evaluateAll((rows) => rows.map((row) => [...row.children].map(({ textContent }) => textContent)));
  assert.deepEqual(cells[0]!.slice(0, 2), ['a', 'runs at times']);
  assert.deepEqual(cells[1]!.slice(3), ['–', '–', '–', '1']);
  assert.deepEqual(await seriousIn(page), []);
  assert.equal(await tooWide(page), 0);
  assert.deepEqual(complaints, []);
});

test('doctor checks the server, its tables and the settings of its role', async (t) => {
  const fleet = await Fleet.create(t, ['a']);
  if (!fleet) return;
  const { world, url } = fleet.host('a');
  const flags = [...world.flags('ingest'), '--shared-ledger', url];
  const doctor = async () => {
    const { stdout } = await world.launch('ingest-ctl', ['doctor', '--verbose', ...flags]).ended;
    return stdout.split('\n').filter((line) => line.includes('shared ledger'));
  };
  const [answers, timeout, commit, tables] = await doctor();
  assert.match(answers!, /^ok +shared ledger: 127\.0\.0\.1:\d+\/postgres answers$/);
  assert.match(
    timeout!,
    /^warn +shared ledger: statement_timeout of ingest is 0 ms, and not from 1 s to 12 s; run ALTER ROLE ingest SET statement_timeout = '10s'$/,
  );
  assert.match(commit!, /^ok +shared ledger: synchronous_commit of ingest is on$/);
  assert.match(tables!, /^fail +shared ledger: .*it has no tables; run ingest-ctl host join/);
  await fleet.join();
  await fleet.rows("ALTER ROLE ingest SET statement_timeout = '10s'");
  await fleet.rows("ALTER ROLE ingest SET synchronous_commit = 'off'");
  assert.deepEqual((await doctor()).slice(1), [
    'ok    shared ledger: statement_timeout of ingest is 10000 ms',
    "fail  shared ledger: synchronous_commit of ingest is off: a crash undoes what it has confirmed; run ALTER ROLE ingest SET synchronous_commit = 'on'",
    'ok    shared ledger: its tables have the version of this ingestor',
  ]);
  await fleet.server.stop();
  assert.match((await doctor()).join('\n'), /^fail +shared ledger: the shared ledger 127/);
});
