/** A file that is held for its sidecar goes on with a right one, whatever crashes in between, and no sidecar is lost. */
import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { FeedFiles } from '../../../src/ingest/files/feed-files.js';
import { offerSidecars } from '../../../src/ingest/producer/offer-sidecars.js';
import { adoptOrphans } from '../../../src/ingest/upkeep/reaper.js';
import { clockEpoch, nameOfText } from '../../../src/linux/index.js';
import { discardJobs } from '../../../src/tools/exceptions/discard.js';
import { workDirOf } from '../../world/layout.js';
import { Bench } from './bench.js';

const WRONG = `${'0'.repeat(64)}  a.csv\n`;
const UNCLEAR = `SHA3-256 (a.csv) = ${'0'.repeat(64)}\n`;

const inInput = ({ world }: Bench): string => join(world.input, 'a.csv.ok');
const jobs = ({ world }: Bench) => world.jobs();
const heldFor = (bench: Bench) => jobs(bench).map(({ hold_code }) => hold_code);

/** The texts of all sidecars in a folder of the work directory. */
const sidecarsIn = ({ world }: Bench, folder: 'failed' | 'underprocess'): string[] => {
  const path = join(workDirOf(world.feed()), folder);
  const names = existsSync(path) ? readdirSync(path).filter((name) => name.includes('.ok~')) : [];
  return names.map((name) => readFileSync(join(path, name), 'utf8'));
};

/** `first`: the text of its sidecar. Returns the right text. */
async function heldFile(bench: Bench, first = WRONG, content = bench.world.content(1_000)): Promise<string> {
  writeFileSync(inInput(bench), first);
  const dropped = bench.world.drop('a.csv', content);
  await bench.arrive(dropped);
  for (const stage of ['verify-complete', 'hash']) await bench.step(stage, 9);
  return `${dropped.sha256}  a.csv\n`;
}

async function opened(t: TestContext, more: { maxBytes?: number } = {}): Promise<Bench> {
  const bench = await Bench.open({ mode: 'sidecar', ...more });
  t.after(() => bench.close());
  return bench;
}

/** As the producer does it by each event and each scan. */
async function offer(bench: Bench): Promise<void> {
  if (!existsSync(inInput(bench))) return;
  const { ino, ctimeNs } = lstatSync(inInput(bench), { bigint: true });
  const alone = [{ path: nameOfText('a.csv'), version: `${ino}:${ctimeNs}` }];
  await offerSidecars(alone, { backend: bench.backend, feed: bench.feed.options, boot: clockEpoch() });
}

async function goOn(bench: Bench): Promise<void> {
  await bench.backend.rescue();
  for (let round = 0; round < 4; round++) await bench.step('hash', 9);
  for (const stage of ['manifest', 'move']) await bench.step(stage, 9);
}

for (const [why, first, code] of [
  ['demands another checksum', WRONG, 'checksum_mismatch'],
  ['is not understood', UNCLEAR, 'sidecar_not_understood'],
] as const)
  test(`its sidecar ${why}: a right one releases it, dead at whatever transaction`, async (t) => {
    // The first claim puts the first one aside, the second one takes the right one. Each dies before its commit, and after it.
    for (const [claim, diesAt] of [1, 2].flatMap((one) => [1, 2].map((at) => [one, at] as const))) {
      const bench = await opened(t);
      const right = await heldFile(bench, first);
      assert.deepEqual(heldFor(bench), [code]);
      writeFileSync(inInput(bench), right);
      await offer(bench);
      if (claim === 2) await bench.step('hash', 9);
      const before = bench.writes;
      await bench.step('hash', 9, diesAt);
      assert.equal(bench.writes - before, 1);
      await goOn(bench);
      assert.deepEqual(
        jobs(bench).map(({ ending }) => ending),
        ['stored'],
        `dead in claim ${claim} at ${diesAt}`,
      );
      assert.deepEqual(sidecarsIn(bench, 'failed'), [first]);
      assert.deepEqual([existsSync(inInput(bench)), sidecarsIn(bench, 'underprocess')], [false, []]);
    }
  });

test('discarded after a claim died that took its sidecar by a folder: the sidecar goes with it', async (t) => {
  const bench = await opened(t);
  await heldFile(bench);
  const { id } = jobs(bench)[0]!;
  const under = join(workDirOf(bench.world.feed()), 'underprocess');
  const claim = join(under, `${id}.claims~`, '2');
  mkdirSync(claim, { recursive: true });
  renameSync(join(under, `${id}.ok~a.csv`), join(claim, `${id}.ok~a.csv`));
  assert.deepEqual(await discardJobs(bench.backend, [id]), [true]);
  await bench.step('hash', 9);
  assert.equal(jobs(bench)[0]!.ending, 'discarded');
  assert.deepEqual([sidecarsIn(bench, 'failed'), readdirSync(under)], [[WRONG], []]);
});

for (const [whose, text, diesAt] of [
  ['its own', WRONG, 0],
  ['its own', WRONG, 1],
  ['another one', `${'1'.repeat(64)}  a.csv\n`, 0],
] as const)
  test(`a file that is held in the input is discarded, with ${whose} beside it, dead at ${diesAt}`, async (t) => {
    const bench = await opened(t, { maxBytes: 10 });
    await heldFile(bench);
    assert.deepEqual(heldFor(bench), ['too_large']);
    if (text !== WRONG) writeFileSync(inInput(bench), text);
    assert.deepEqual(await discardJobs(bench.backend, [jobs(bench)[0]!.id]), [true]);
    if (diesAt > 0) await bench.step('verify-complete', 9, diesAt);
    await bench.backend.rescue();
    await bench.step('verify-complete', 9);
    assert.equal(jobs(bench)[0]!.ending, 'discarded');
    assert.equal(existsSync(inInput(bench)), text !== WRONG);
    assert.deepEqual(sidecarsIn(bench, 'failed'), text === WRONG ? [WRONG] : []);
  });

test('another sidecar stays: it is not offered again before it changes', async (t) => {
  const bench = await opened(t);
  const right = await heldFile(bench);
  const toCome = `${'1'.repeat(64)}  a.csv\n`;
  writeFileSync(inInput(bench), toCome);
  await offer(bench);
  assert.equal(jobs(bench)[0]!.state, 'ready');
  await bench.step('hash', 9);
  await offer(bench);
  assert.equal(await bench.step('hash', 9), 0, 'the same version is not read twice');
  assert.deepEqual([heldFor(bench), readFileSync(inInput(bench), 'utf8')], [['checksum_mismatch'], toCome]);
  assert.deepEqual(sidecarsIn(bench, 'underprocess'), [WRONG]);
  writeFileSync(inInput(bench), right);
  await offer(bench);
  await goOn(bench);
  assert.equal(jobs(bench)[0]!.ending, 'stored');
});

test('a sidecar beside a file belongs to that file', async (t) => {
  const bench = await opened(t);
  const right = await heldFile(bench);
  writeFileSync(inInput(bench), right);
  await offer(bench);
  writeFileSync(join(bench.world.input, 'a.csv'), 'the next version');
  await bench.step('hash', 9);
  assert.deepEqual([heldFor(bench), readFileSync(inInput(bench), 'utf8')], [['checksum_mismatch'], right]);
});

test('of two held files of one path, the one that has the checksum takes it', async (t) => {
  const bench = await opened(t);
  const rights = [await heldFile(bench), await heldFile(bench)];
  assert.deepEqual(heldFor(bench), ['checksum_mismatch', 'checksum_mismatch']);
  for (const right of rights.reverse()) {
    writeFileSync(inInput(bench), right);
    await offer(bench);
    await goOn(bench);
  }
  assert.deepEqual(
    jobs(bench).map(({ ending }) => ending),
    ['stored', 'stored'],
  );
  assert.deepEqual(sidecarsIn(bench, 'failed'), [WRONG, WRONG]);
});

test("an operator's retry takes it too, and without one the file is hashed again", async (t) => {
  const bench = await opened(t);
  const right = await heldFile(bench);
  const { id } = jobs(bench)[0]!;
  const retry = () => bench.backend.amendHeld([id], (_tx, job) => ({ kind: 'back', to: job.stage }));
  await retry();
  await bench.step('hash', 9);
  assert.deepEqual(heldFor(bench), ['checksum_mismatch']);
  writeFileSync(inInput(bench), right);
  await retry();
  await goOn(bench);
  assert.equal(jobs(bench)[0]!.ending, 'stored');
});

test('a state that is lost between the two renames does not let the file pass', async (t) => {
  const bench = await opened(t);
  const right = await heldFile(bench);
  writeFileSync(inInput(bench), right);
  await offer(bench);
  await bench.step('hash', 9);
  assert.deepEqual([sidecarsIn(bench, 'underprocess'), sidecarsIn(bench, 'failed')], [[], [WRONG]]);
  const aside = join(bench.world.root, 'aside');
  renameSync(inInput(bench), aside);
  await bench.backend.transact((tx) => tx.run('DELETE FROM jobs'));
  const files = new FeedFiles(bench.feed.roots);
  assert.equal(await adoptOrphans({ backend: bench.backend, emit: () => {}, feed: 'default', files }), 1);
  files.close();
  await goOn(bench);
  assert.deepEqual(heldFor(bench), ['checksum_mismatch']);
  renameSync(aside, inInput(bench));
  await offer(bench);
  await goOn(bench);
  assert.equal(jobs(bench)[0]!.ending, 'stored');
});

test('an input that is away holds up no other file: it is asked again later', async (t) => {
  const bench = await opened(t);
  const right = await heldFile(bench);
  writeFileSync(inInput(bench), right);
  await offer(bench);
  const { input } = bench.world;
  renameSync(input, `${input}.away`);
  await bench.step('hash', 9);
  assert.deepEqual([heldFor(bench), bench.backend.gates()], [['checksum_mismatch'], []]);
  rmSync(input, { force: true, recursive: true });
  renameSync(`${input}.away`, input);
  await offer(bench);
  await goOn(bench);
  assert.equal(jobs(bench)[0]!.ending, 'stored');
});
