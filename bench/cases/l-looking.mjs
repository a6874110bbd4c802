/** l: looking at a full queue: how long a look takes while files are ingested at full speed, and what it costs these. */

import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { makeSmall, quietForASecond } from '../harness/inputs.mjs';
import { filesOf } from '../harness/options.mjs';
import { Run } from '../harness/run.mjs';
import { chosen, sitting } from '../harness/sitting.mjs';
import { percentile } from '../harness/statistics.mjs';
import { inWorld } from '../harness/world.mjs';
import { bin, statePath, tellStored } from '../peers/product.mjs';

const execFileAsync = promisify(execFile);
const HELD = 10_000;
/** Ingested in each run. */
const BATCH = 40_000;
const ASKED_EVERY_MS = 250;
const QUEUE_STAT_EVERY_MS = 300;

/** The queue is full of what waits for its sidecars; other files go past it. */
class FullQueue {
  stored = 0;
  #from = 0;

  async start(world, queued) {
    this.world = world;
    const port = await freePort();
    this.url = `http://127.0.0.1:${port}`;
    const feeds = {
      drops: this.#feed('drops', { 'quiet-ms': 0 }),
      queued: this.#feed('queued', { mode: 'sidecar' }),
      held: this.#feed('held', { 'max-bytes': 100 }),
    };
    makeSmall(feeds.queued.input, queued);
    makeSmall(feeds.held.input, HELD);
    world.settle();
    await quietForASecond();
    const config = join(world.base, 'feeds.yaml');
    writeFileSync(config, JSON.stringify({ 'state-path': statePath(world), feeds }));
    const args = ['--config', config, '--dashboard', String(port)];
    const onLine = (line) => tellStored(line, () => this.stored++);
    this.run = new Run({ file: bin('ingest'), args }, { sample: false, onLine });
    await this.run.line((line) => line.includes('"event":"dashboard"'));
    for (;;) {
      const { unprocessed, held } = await this.stats();
      if (held === HELD && unprocessed.files === queued + HELD) return this;
      await sleep(500);
    }
  }

  #feed(name, options) {
    const input = this.world.folder(`in-${name}`);
    const [warehouse, manifests] = [this.world.folder(`wh-${name}`), this.world.folder(`mf-${name}`)];
    return { input, warehouse, manifests, 'stability-seconds': 0, ...options };
  }

  async stats() {
    return JSON.parse((await ask(`${this.url}/stats`)).body);
  }

  /** The files of the next run: on disk, beside the input. */
  async prepare() {
    const upload = join(this.world.upload, String(this.#from));
    mkdirSync(upload);
    makeSmall(upload, BATCH, { from: 10_000_000 + this.#from });
    this.#from += BATCH;
    this.world.settle();
    await quietForASecond();
    return upload;
  }

  /**
   * Files a second, from the first one that comes to the last one that is stored. Another process drops them: this one has
   * answers to time.
   */
  async ingest(upload) {
    const wanted = this.stored + BATCH;
    const from = performance.now();
    const input = join(this.world.base, 'in-drops');
    await execFileAsync('find', [upload, '-type', 'f', '-exec', 'mv', '-t', input, '{}', '+']);
    while (this.stored < wanted) await sleep(5);
    return { filesPerS: (BATCH * 1000) / (performance.now() - from) };
  }
}

const alone = async (queue) => queue.ingest(await queue.prepare());

/** Asks until it is told to stop; answers how long each answer took. */
function asking(act, everyMs) {
  let isOver = false;
  const took = [];
  const done = (async () => {
    while (!isOver) {
      const from = performance.now();
      await act();
      took.push(performance.now() - from);
      await sleep(everyMs);
    }
  })();
  return async () => {
    isOver = true;
    await done;
    return took;
  };
}

async function lookedAt(queue) {
  const upload = await queue.prepare();
  const page = get(`${queue.url}/events`, (response) => response.resume());
  page.on('error', () => {});
  const stop = asking(() => ask(`${queue.url}/stats`), ASKED_EVERY_MS);
  const { filesPerS } = await queue.ingest(upload);
  const took = await stop();
  page.destroy();
  return { filesPerS, statsMs: percentile(took, 0.5), statsP99Ms: percentile(took, 0.99) };
}

/** From the drop to the last file stored. */
async function queueStat(queue) {
  const ingesting = queue.ingest(await queue.prepare());
  const args = ['--state-path', statePath(queue.world)];
  const stop = asking(async () => {
    const { code } = await new Run({ file: bin('queue-stat'), args }, { sample: false }).ended;
    if (code !== 0) throw new Error(`queue-stat ended with ${code}`);
  }, QUEUE_STAT_EVERY_MS);
  await ingesting;
  return { queueStatMs: percentile(await stop(), 0.5) };
}

function ask(url) {
  return new Promise((resolve, reject) => {
    get(url, { agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve({ body })).on('error', reject);
    }).on('error', reject);
  });
}

const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

const CONTESTANTS = [
  { id: 'product', title: 'one page open, /stats four times a second', kind: 'product', act: lookedAt },
  { id: 'alone', title: 'no page is open', kind: 'product', act: alone },
  { id: 'queue-stat', title: 'queue-stat, again and again', kind: 'product', act: queueStat },
];

export default {
  title: 'Looking at a full queue',
  columns: [
    { key: 'filesPerS', label: 'files/s ingested', ratio: true },
    { key: 'statsMs', label: '/stats, p50 ms' },
    { key: 'statsP99Ms', label: '/stats, p99 ms' },
    { key: 'queueStatMs', label: 'queue-stat, ms from exec to exit' },
  ],
  chart: { key: 'filesPerS', label: 'files/s' },

  async run(options, tell) {
    const files = filesOf(options);
    const rounds = options.rounds ?? 5;
    const rows = await inWorld(options, async (world) => {
      const queue = await new FullQueue().start(world, files);
      try {
        await alone(queue);
        return await sitting({ rounds, contestants: chosen(CONTESTANTS, options), tell }, ({ act }) => act(queue));
      } finally {
        await queue.run.end();
      }
    });
    return { files, rounds, rows, unit: `queued, ${HELD.toLocaleString('en-US')} held` };
  },
};
