/**
 * A Redis of the benchmark's own: loopback, a free port, a directory of the run; ended with it. Its durability is its default,
 * a snapshot now and then.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../dist/test/world/ports.js';
import { traced } from '../harness/count.mjs';
import { Run } from '../harness/run.mjs';

export const redisMissing = () =>
  spawnSync('redis-server', ['--version']).status === 0
    ? undefined
    : 'redis-server is not installed (Debian: apt-get install redis-server)';

/** Ready to be used. `run` is to be measured beside its client. */
export async function startRedis(world, watch) {
  const port = await freePort();
  const folder = join(world.state, 'redis');
  mkdirSync(folder, { recursive: true });
  const command = { file: 'redis-server', args: ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder] };
  let ready;
  const isReady = new Promise((resolve) => {
    ready = resolve;
  });
  const run = new Run(watch ? traced(command, world, watch, 'redis') : command, {
    onLine: (line) => line.includes('Ready to accept connections') && ready(),
  });
  const ended = run.ended.then(({ code }) => {
    throw new Error(`redis-server ended with ${code} before it was ready`);
  });
  await Promise.race([isReady, ended]);
  ended.catch(() => {});
  const shutDown = (how) => spawnSync('redis-cli', ['-p', `${port}`, 'shutdown', how]);
  return {
    ...{ run, port, name: 'redis', place: `${port}` },
    end: () => run.end(),
    /** `save`: with a snapshot, as a service is stopped. */
    async stop(how = 'nosave') {
      shutDown(how);
      await run.ended;
    },
  };
}
