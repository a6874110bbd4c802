/**
 * chokidar finds complete files, BullMQ carries them; one worker, in the same process, hashes, writes the line and moves.
 * A content that was seen is known by a key in Redis. Ends when FILES were handled or nothing happened for some seconds; 0: never.
 * Usage: node chokidar-bullmq.mjs INPUT WAREHOUSE MANIFESTS STATE PORT FILES [--discover]
 */
import fs from 'node:fs/promises';
import { Queue, Worker } from 'bullmq';
import chokidar from 'chokidar';
import { Redis } from 'ioredis';
import { appendLine, moveTo, sha256Of, untilDone } from './steps.mjs';

const [input, warehouse, manifests, state, port, files, discover] = process.argv.slice(2);
const connection = { host: '127.0.0.1', port: Number(port), maxRetriesPerRequest: null };
const progress = { done: 0, found: 0 };
const queue = new Queue('files', { connection, defaultJobOptions: { removeOnComplete: true } });
const redis = new Redis(connection);

async function ingest({ data: { file } }) {
  const sha256 = await sha256Of(file);
  if ((await redis.set(`content:${sha256}`, file, 'NX')) === null) await fs.unlink(file);
  else {
    await appendLine(manifests, file, sha256);
    await moveTo(warehouse, file);
    console.log(`stored ${file}`);
  }
  progress.done += 1;
}

const worker = discover ? undefined : new Worker('files', ingest, { connection, concurrency: 16 });
const watcher = chokidar.watch(input, { awaitWriteFinish: true, ignored: (path) => path.endsWith('.ok') });
watcher.on('add', async (file) => {
  await queue.add('file', { file });
  progress.found += 1;
  if (discover) progress.done += 1;
});
await new Promise((resolve) => watcher.once('ready', resolve));
console.log('watching');
if (Number(files) > 0) {
  await untilDone({ progress, files: Number(files), state, quietMs: 15_000 });
  await worker?.close();
  process.exit(0);
}
