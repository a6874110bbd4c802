/**
 * `npm start`: a first try without a single option: ./var/staging is watched, ./var/warehouse is where files appear.
 * Guarantees: makes its folders below ./var, nothing else; options that are given are added to its own.
 */
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, relative } from 'node:path';
import { printNote } from './console.js';
import { ingest } from './ingest.js';

const VAR = 'var';
const LOOPBACK = '127.0.0.1';
const PORT = 8000;

export async function start(argv: readonly string[]): Promise<number> {
  const [input, warehouse, manifests, state] = ['staging', 'warehouse', 'manifests', 'state/state.db'].map((name) =>
    join(process.cwd(), VAR, name),
  ) as [string, string, string, string];
  for (const folder of [input, warehouse, manifests]) mkdirSync(folder, { recursive: true });
  const shown = (path: string) => `./${relative(process.cwd(), path)}`;
  printNote(
    `Drop a file into ${shown(input)}; when it has been quiet for 10 seconds it appears in ${shown(warehouse)}. Ctrl-C ends.`,
  );
  const dashboard = await dashboardFor(argv);
  if (dashboard) printNote(`  The dashboard    http://localhost:${dashboard[1]}`);
  printNote(`  The manifest     ${shown(manifests)}/YEAR/MONTH/DAY/HOUR/manifest.jsonl (UTC)`);
  printNote(`  What waits, why  bin/queue-stat --state-path ${shown(state)}`);
  const folders = ['--input', input, '--warehouse', warehouse, '--manifests', manifests];
  return ingest([...folders, '--state-path', state, ...(dashboard ?? []), ...argv]);
}

/** The usual port, or a free one where another program has it. Undefined: the caller says where, or that it serves none. */
async function dashboardFor(argv: readonly string[]): Promise<['--dashboard', string] | undefined> {
  if (argv.some((word) => /^--(dashboard|once|dry-run|help|version)\b/.test(word))) return undefined;
  return ['--dashboard', String((await freePort(PORT)) ?? (await freePort(0)))];
}

/** `port`: 0 for any. Undefined: another program listens there. */
function freePort(port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    );
    server.listen(port, LOOPBACK, () => {
      const { port: free } = server.address() as { port: number };
      server.close(() => resolve(free));
    });
  });
}
