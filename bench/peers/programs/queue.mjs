/**
 * One process of a queue engine alone: says `ready`, waits for a line on stdin, then enqueues or works until nothing is left,
 * and says what it did.
 * Usage: node queue.mjs ENGINE enqueue|work PLACE COUNT BATCH        (ENGINE: a module in ../queues/)
 */
import { once } from 'node:events';

const [engine, action, place, count, batch] = process.argv.slice(2);
const { open } = await import(`../queues/${engine}.mjs`);
const queue = await open(place, Number(batch));

console.log('ready');
await once(process.stdin, 'data');
const startMs = Date.now();
const startedMs = performance.now();
const jobs = action === 'enqueue' ? await queue.enqueue(Number(count)) : await queue.work(Number(count));
const seconds = (performance.now() - startedMs - (queue.waitedMs ?? 0)) / 1000;
console.log(JSON.stringify({ jobs, startMs, endMs: startMs + seconds * 1000 }));
await queue.close();
process.exit(0);
