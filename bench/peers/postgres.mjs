/**
 * A PostgreSQL of the benchmark's own: loopback, a free port, a directory of its own; ended with it. Its durability is its
 * default, a sync at each commit. It refuses to run as root, so then another user runs it.
 */
import { execFileSync } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../dist/test/world/ports.js';
import { postgresBinaries } from '../../dist/test/world/postgres.js';
import { isRoot, ordinaryUser } from '../../dist/test/world/users.js';
import { Run } from '../harness/run.mjs';

export const postgresMissing = () =>
  postgresBinaries() === undefined ? 'PostgreSQL is not installed (Debian: apt-get install postgresql)' : undefined;

/** Ready to be used. `run` is to be measured beside its client; `place` is its address. */
export async function startPostgres() {
  const root = mkdtempSync(join(tmpdir(), 'ingest-bench-postgres-'));
  if (isRoot) chownSync(root, ordinaryUser.uid, ordinaryUser.gid);
  const remove = () => rmSync(root, { recursive: true, force: true });
  const program = (name) => join(postgresBinaries(), name);
  const data = join(root, 'data');
  const port = await freePort();
  const made = ['-D', data, '-U', 'bench', '-A', 'trust', '-E', 'UTF8', '--no-locale'];
  execFileSync(program('initdb'), made, { stdio: 'ignore', cwd: '/', ...(isRoot && ordinaryUser) });
  const served = [
    '-D',
    data,
    '-c',
    `port=${port}`,
    '-c',
    'listen_addresses=127.0.0.1',
    '-c',
    'unix_socket_directories=',
  ];
  const { uid, gid } = ordinaryUser;
  const run = new Run(
    isRoot
      ? {
          file: 'setpriv',
          args: [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', program('postgres'), ...served],
        }
      : { file: program('postgres'), args: served },
  );
  const service = {
    ...{ run, name: 'postgres', place: `postgres://bench@127.0.0.1:${port}/postgres` },
    async end() {
      await run.end();
      remove();
    },
  };
  try {
    await run.line((line) => line.includes('ready to accept connections'));
  } catch (error) {
    await service.end();
    throw error;
  }
  return service;
}
