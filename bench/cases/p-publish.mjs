/** p: files into a bucket: small ones, large ones, and what is left of them when the mover is killed and uploaders go on. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fractions } from '../../dist/test/world/chance.js';
import { makeLarge, makeSmall, quietForASecond, sha256, smallContent, smallDigests } from '../harness/inputs.mjs';
import { filesOf, roundsOf } from '../harness/options.mjs';
import { measured, Run } from '../harness/run.mjs';
import { chosen, sitting } from '../harness/sitting.mjs';
import { inStore, noStore } from '../harness/store.mjs';
import { inWorld } from '../harness/world.mjs';
import { awsMv, publishing, rclone, storing } from '../peers/movers.mjs';

const MIB = 1 << 20;
const SMALL = 20_000;
const LARGE = 20;
/** For the large files of one run. */
const ROOM = 1.3;
/** A smaller disk is too small for the store itself. */
const DISK_MIN = 8_192 * MIB;
const VERSIONS = 300;
/** The product runs as long as files come: it is killed after 2 s on average. The last run is not killed. */
const LIFE_MS = 2_000;
const LAST_MS = 300_000;
const SEED = 7;

export default {
  title: 'Into a bucket',
  columns: [
    { key: 'seconds', label: 'seconds, exec to exit' },
    { key: 'storedS', label: 'seconds until all are in the warehouse' },
    { key: 'filesPerS', label: 'files/s', ratio: true },
    { key: 'cpuS', label: 'CPU seconds' },
    { key: 'peakTreeMb', label: 'peak MB, whole tree' },
    { key: 'peakProcessMb', label: 'peak MB, one process' },
    { key: 'kills', label: 'kills' },
    { key: 'lost', label: 'files lost' },
    { key: 'torn', label: 'objects that nobody wrote' },
    { key: 'uploads', label: 'uploads left over' },
  ],
  chart: { key: 'filesPerS', label: 'files/s' },
  best: [
    { id: 'rclone, small', of: 'product, small', key: 'filesPerS' },
    { id: 'aws, large', of: 'product, large', key: 'filesPerS' },
  ],

  async run(options, tell) {
    const missing = noStore();
    if (missing) throw new Error(missing);
    const files = filesOf(options, SMALL);
    const small = (world) => {
      makeSmall(world.input, files);
      return smallDigests(files);
    };
    const large = (world) => makeLarge(world.input, LARGE, options.mib);
    const contestants = chosen([publishing, storing, rclone, awsMv], options);
    const onDisk = Math.max(DISK_MIN, Math.ceil(LARGE * options.mib * MIB * ROOM));
    const race = (load, about, rounds, given) =>
      sitting({ rounds, contestants: loaded(contestants, load, about), tell }, (one) => moved(one, options, given));
    const killable = loaded(contestants, 'killed', 'killed').filter(({ of }) => of !== 'storing');
    const rows = [
      ...(await race('small', `${files} of 1 KiB`, roundsOf(options, files), { count: files, fill: small })),
      ...(await race('large', `${LARGE} of ${options.mib} MiB`, 1, { count: LARGE, fill: large, onDisk })),
      ...(await sitting({ rounds: 1, contestants: killable, tell }, (one) => killed(one, options))),
    ];
    return { files, rounds: roundsOf(options, files), rows };
  },
};

const loaded = (contestants, load, about) =>
  contestants.map((one) => ({
    ...{ ...one, of: one.id, id: `${one.id}, ${load}`, title: `${one.title}: ${about}` },
    against: `product, ${load}`,
  }));

/** One run over a full input. */
const moved = (contestant, options, { count, fill, onDisk }) =>
  inStore({ onDisk }, (store) =>
    inWorld(options, async (world) => {
      fill(world);
      await quietForASecond();
      world.settle();
      const fromMs = Date.now();
      const { processes, ...usage } = await measured(contestant.command(world, store), { log: world.log });
      const there = contestant.of === 'storing' ? count : (await Array.fromAsync(store.objects())).length;
      if (there !== count) throw new Error(`${contestant.title}: ${there} of ${count} objects`);
      return { ...usage, storedS: storedAfter(world.log, fromMs), filesPerS: count / usage.seconds };
    }),
  );

/** When the last file was in the warehouse, by the product's log; undefined of a peer. */
function storedAfter(log, fromMs) {
  const last = readFileSync(log, 'utf8')
    .trimEnd()
    .split('\n')
    .findLast((line) => line.includes('"file_ingested"'));
  return last && (Date.parse(JSON.parse(last).time) - fromMs) / 1000;
}

/**
 * From cron. A run is killed at a random moment within twice the time that the last whole run took. Meanwhile uploaders rename new
 * versions into place and write others slowly.
 */
const killed = (contestant, options) =>
  inStore({}, (store) =>
    inWorld(options, async (world) => {
      const random = fractions(SEED);
      const written = new Map();
      const all = new Set();
      const uploading = upload(world, random, (path, digest) => {
        written.set(path, digest);
        all.add(digest);
      });
      let isOver = false;
      void uploading.then(() => {
        isOver = true;
      });
      let kills = 0;
      let wholeMs = LIFE_MS;
      for (let last = false; !last; ) {
        last = isOver;
        const run = new Run(contestant.command(world, store), { log: world.log, sample: false });
        const life = last ? LAST_MS : random() * 2 * wholeMs;
        const ended = await Promise.race([run.ended.then(() => true), sleep(life, false, { ref: false })]);
        if (ended) wholeMs = Math.min(run.seconds * 1_000, LIFE_MS);
        else kills++;
        await run.end();
      }
      await uploading;
      const sent = new Set();
      for await (const { key } of store.objects()) sent.add(await store.sha256(key));
      return {
        kills,
        lost: [...written.values()].filter((digest) => !sent.has(digest)).length,
        torn: [...sent].filter((digest) => !all.has(digest)).length,
        uploads: await store.uploads(),
      };
    }),
  );

/** Complete files by rename, each tenth name again with other bytes, and every thirtieth slowly, in place. `wrote`: the last content of a path counts. */
async function upload({ input, upload: aside }, random, wrote) {
  for (let n = 0; n < VERSIONS; n++) {
    const isSlow = n % 30 === 29;
    const name = isSlow ? `slow-${n}.csv` : `orders-${n % 10 === 9 ? n - 9 : n}.csv`;
    const bytes = isSlow ? Buffer.concat(Array.from({ length: 64 }, () => smallContent(n))) : smallContent(n);
    wrote(name, sha256(bytes));
    if (isSlow) for (let at = 0; at < bytes.length; at += 8_192) await append(join(input, name), bytes, at);
    else {
      writeFileSync(join(aside, 'next'), bytes);
      renameSync(join(aside, 'next'), join(input, name));
    }
    await sleep(random() * 200);
  }
  await quietForASecond();
}

async function append(path, bytes, at) {
  writeFileSync(path, bytes.subarray(at, at + 8_192), { flag: at === 0 ? 'w' : 'a' });
  await sleep(100);
}
