/** Which files become jobs, when they are due, and the effect of a change to a known file. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, renameSync, statSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClaimedJob, Job } from '../../../queue/index.js';
import { openRoot } from '../../../src/ingest/files/feed-files.js';
import { checkAgain, offer } from '../../../src/ingest/producer/offer.js';
import { statPaths } from '../../../src/ingest/producer/stat-paths.js';
import type { JobFacts } from '../../../src/ingest/rules/facts.js';
import { identityOf, parseIdentity } from '../../../src/ingest/rules/identity.js';
import { clockEpoch, nameOfText, statAt } from '../../../src/linux/index.js';
import { scenario, type World } from './world.js';

const seen = (job: Job) => (job.payload as unknown as JobFacts).seen!;
const dueInMs = (world: World, job: Job): number => job.dueMs - world.backend.nowMs();

scenario('a written file waits for its window, a renamed one for no settling', async (world) => {
  await world.start({ stabilitySeconds: 0 });
  writeFileSync(join(world.input, 'written.csv'), '1');
  writeFileSync(join(world.base, 'x'), '1');
  renameSync(join(world.base, 'x'), join(world.input, 'renamed.csv'));
  const written = await world.untilJob('written.csv');
  const renamed = await world.untilJob('renamed.csv');
  assert.equal(seen(written).by, 'write');
  assert.equal(seen(renamed).by, 'rename');
  assert(written.dueMs - seen(written).sinceMs >= 1_000, 'the rest after a change');
  assert(dueInMs(world, renamed) <= 0);
});

scenario('the identity is of the file as it lies there', async (world) => {
  writeFileSync(join(world.input, 'x.csv'), 'abc');
  await world.start();
  const job = await world.untilJob('x.csv');
  const { dev, ino, size, mtimeNs, ctimeNs } = statSync(join(world.input, 'x.csv'), { bigint: true });
  assert.deepEqual(parseIdentity(job.identity), { dev, ino, size, mtimeNs, ctimeNs, sidecar: undefined });
  assert.equal(seen(job).by, 'scan');
  assert.equal(job.bytes, 3);
});

scenario('without its sidecar a file is due tomorrow; the sidecar makes it due at once', async (world) => {
  await world.start({ mode: 'sidecar', quietMs: 0 });
  writeFileSync(join(world.input, 'x.csv'), '1');
  const alone = await world.untilJob('x.csv');
  assert(alone.identity.endsWith('+none'));
  assert(dueInMs(world, alone) > 3_600_000);
  writeFileSync(join(world.input, 'x.csv.ok'), '');
  const joined = await world.untilJob('x.csv', (job) => dueInMs(world, job) <= 0);
  assert.equal(joined.id, alone.id);
  assert.equal(world.job('x.csv.ok'), undefined);
});

scenario('a sidecar that came while its job looked for it is not overlooked', async (world) => {
  await world.start({ mode: 'sidecar', quietMs: 0 });
  writeFileSync(join(world.input, 'x.csv'), '1');
  await world.untilJob('x.csv');
  writeFileSync(join(world.input, 'x.csv.ok'), '');
  await world.untilJob('x.csv', (job) => dueInMs(world, job) <= 0);
  const [claim] = await world.backend.claim('verify-complete', 1);
  assert(claim);
  // Checked before the sidecar came, noted after it: nothing changes later.
  const dir = openRoot(world.input);
  const identity = identityOf(statAt(dir, nameOfText('x.csv')), statAt(dir, nameOfText('x.csv.ok')));
  closeSync(dir);
  const outcome = { kind: 'defer', inMs: 86_400_000, why: 'no_sidecar', identity } as const;
  await world.backend.settle([{ job: claim, outcome }]);
  await world.producer.scan();
  await world.untilJob('x.csv', (job) => dueInMs(world, job) <= 0);
});

scenario(
  'a scan asks for nothing of files that wait for their sidecars, and meets the sidecar itself',
  async (world) => {
    await world.start({ mode: 'sidecar', quietMs: 0, poll: true, scanIntervalSeconds: 3_600 });
    writeFileSync(join(world.input, 'x.csv'), '1');
    writeFileSync(join(world.input, 'y.csv'), '1');
    await world.producer.scan();
    const before = world.job('x.csv')!;
    writeFileSync(join(world.input, 'x.csv'), 'longer');
    await world.producer.scan();
    assert.deepEqual(world.job('x.csv'), before);
    writeFileSync(join(world.input, 'x.csv.ok'), '');
    await world.producer.scan();
    const joined = world.job('x.csv')!;
    assert.equal(joined.id, before.id);
    assert(dueInMs(world, joined) <= 0);
    assert(dueInMs(world, world.job('y.csv')!) > 3_600_000);
  },
);

scenario('a sidecar that was there first: the file renamed in is due at once', async (world) => {
  await world.start({ mode: 'sidecar' });
  writeFileSync(join(world.input, 'x.csv.ok'), '');
  writeFileSync(join(world.base, 'x'), '1');
  renameSync(join(world.base, 'x'), join(world.input, 'x.csv'));
  const job = await world.untilJob('x.csv');
  assert(dueInMs(world, job) <= 0);
  assert.match(job.identity, /\+\d+:\d+$/);
});

scenario(
  'what was noted for its sidecar first, or by a scan, waits no longer once its rename is known',
  async (world) => {
    const feed = world.feed({ mode: 'sidecar', quietMs: 3_600_000, include: ['nothing'] });
    await world.start(feed);
    const offering = { backend: world.backend, feed, boot: clockEpoch() };
    for (const by of ['write', 'scan'] as const) {
      const path = `${by}.csv`;
      writeFileSync(join(world.input, `${path}.ok`), '');
      writeFileSync(join(world.input, path), '1');
      const fd = openRoot(world.input);
      const { files } = statPaths([{ path: nameOfText(path), by }], { fd }, nameOfText('.ok'));
      closeSync(fd);
      await offer(files, offering);
      const first = await world.untilJob(path);
      assert(dueInMs(world, first) > 0);
      await offer(
        files.map((look) => ({ ...look, by: 'rename' as const })),
        offering,
      );
      const renamed = await world.untilJob(path);
      assert.equal(renamed.id, first.id);
      assert(dueInMs(world, renamed) <= 0);
      assert.equal(seen(renamed).by, 'rename');
    }
  },
);

scenario('a file that was sealed with its sidecar between the check and the offer is not waited for', async (world) => {
  const feed = world.feed({ mode: 'sidecar', include: ['nothing'] });
  await world.start(feed);
  const offering = { backend: world.backend, feed, boot: clockEpoch() };
  for (const name of ['there.csv', 'sealed.csv']) writeFileSync(join(world.input, name), '1');
  const root = { fd: openRoot(world.input) };
  const paths = ['there.csv', 'sealed.csv'].map((name) => ({ path: nameOfText(name), by: 'scan' as const }));
  const { files } = statPaths(paths, root, nameOfText('.ok'));
  renameSync(join(world.input, 'sealed.csv'), join(world.base, 'sealed'));
  const { alone } = await offer(files, offering);
  await checkAgain(alone, root, offering);
  closeSync(root.fd);
  assert(dueInMs(world, world.job('sealed.csv')!) <= 0);
  assert(dueInMs(world, world.job('there.csv')!) > 3_600_000);
});

scenario('a file that changes while its job waits makes the job look at once', async (world) => {
  await world.start({ stabilitySeconds: 3_600 });
  writeFileSync(join(world.input, 'x.csv'), '1');
  const first = await world.untilJob('x.csv');
  assert(dueInMs(world, first) > 0);
  writeFileSync(join(world.input, 'x.csv'), '12');
  const nudged = await world.untilJob('x.csv', (job) => dueInMs(world, job) <= 0);
  assert.equal(nudged.id, first.id);
});

scenario('a path whose job is claimed is offered again until it can be taken', async (world) => {
  await world.start({ stabilitySeconds: 0, quietMs: 0 });
  writeFileSync(join(world.input, 'x.csv'), '1');
  const first = await world.untilJob('x.csv');
  const [claim] = await world.backend.claim('verify-complete', 1);
  assert(claim);
  // The file was just sealed, and a new version comes under its name.
  renameSync(join(world.input, 'x.csv'), join(world.base, 'sealed'));
  writeFileSync(join(world.base, 'new'), '12');
  renameSync(join(world.base, 'new'), join(world.input, 'x.csv'));
  await world.producer.scan();
  assert.equal(world.producer.marked, 1);
  await world.backend.settle([{ job: claim as ClaimedJob, outcome: { kind: 'advance', freeKey: true } }]);
  const second = await world.untilJob('x.csv', (job) => job.id !== first.id);
  assert.equal(second.bytes, 2);
});

scenario('things that are no files are logged and never become jobs', async (world) => {
  mkdirSync(join(world.input, 'dir.csv'));
  execFileSync('mkfifo', [join(world.input, 'fifo.csv')]);
  symlinkSync('/nowhere', join(world.input, 'dangling.csv'));
  await world.start({ stabilitySeconds: 0 });
  symlinkSync('/etc', join(world.input, 'etc.csv'));
  writeFileSync(join(world.input, 'sign'), '');
  await world.untilJob('sign');
  await world.producer.scan();
  await world.until('symlinks logged', () => world.events.some(({ kind, count }) => kind === 'symlink' && count === 2));
  assert(world.events.some(({ event, kind, count }) => event === 'not_a_file' && kind === 'fifo' && count === 1));
  assert.equal(world.backend.read((reader) => reader.get<{ n: number }>('SELECT count(*) AS n FROM jobs'))?.n, 1);
});

scenario('a file below --min-bytes is taken when it has grown', async (world) => {
  await world.start({ minBytes: 3 });
  writeFileSync(join(world.input, 'x.csv'), '1');
  await world.producer.scan();
  assert.equal(world.job('x.csv'), undefined);
  writeFileSync(join(world.input, 'x.csv'), '123');
  await world.untilJob('x.csv');
});

scenario('a file that vanished before it was checked is forgotten', async (world) => {
  await world.start();
  writeFileSync(join(world.input, 'x.csv'), '1');
  unlinkSync(join(world.input, 'x.csv'));
  writeFileSync(join(world.input, 'sign'), '1');
  await world.untilJob('sign');
  assert.equal(world.job('x.csv'), undefined);
});

for (const mode of ['stability', 'sidecar'] as const)
  scenario(`a scan whose files cannot be offered ends, and they are offered later (${mode})`, async (world) => {
    const watermarks = { stateIsLow: false };
    writeFileSync(join(world.input, 'waits.csv'), '1');
    await world.start({ mode }, watermarks);
    await world.untilJob('waits.csv');
    watermarks.stateIsLow = true;
    await world.producer.scan();
    assert.equal(world.events.filter(({ event }) => event === 'delivery_failing').length, 1);
    watermarks.stateIsLow = false;
    await world.untilTold('delivery_back');
  });
