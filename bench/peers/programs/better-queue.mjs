/**
 * Four stages, each a better-queue with better-queue-sqlite as its store and its defaults (one task at a time).
 * Ends when every file was moved, or when nothing happened for some seconds: tasks were lost then.
 * Usage: node better-queue.mjs INPUT WAREHOUSE MANIFESTS STATE FILES
 */
import fs from 'node:fs/promises';
import path from 'node:path';
import Queue from 'better-queue';
import { appendLine, filesIn, moveTo, sha256Of, untilDone } from './steps.mjs';

const [input, warehouse, manifests, state, files] = process.argv.slice(2);
const progress = { done: 0 };

function stage(name, act, next) {
  const handle = async (task, done) => {
    const result = await act(task);
    next?.push(result);
    done(null);
  };
  const caught = (task, done) => handle(task, done).catch(done);
  return new Queue(caught, { store: { type: 'sqlite', path: path.join(state, `${name}.db`) } });
}

const move = stage('move', async ({ id }) => {
  await moveTo(warehouse, id);
  progress.done += 1;
});
const manifest = stage(
  'manifest',
  async (task) => {
    await appendLine(manifests, task.id, task.sha256);
    return task;
  },
  move,
);
const hash = stage('hash', async ({ id }) => ({ id, sha256: await sha256Of(id) }), manifest);
const verify = stage('verify-complete', async ({ id }) => ({ id, size: (await fs.stat(id)).size }), hash);

for await (const file of filesIn(input)) verify.push({ id: file });
await untilDone({ progress, files: Number(files), state, quietMs: 5_000 });
process.exit(0);
