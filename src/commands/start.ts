/**
 * `npm start`: a first try without a single option: ./var/staging is watched, ./var/warehouse is where files appear.
 * Guarantees: makes its folders below ./var, nothing else; options that are given are added to its own.
 */
import { mkdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { tell } from './console.js';
import { ingest } from './ingest.js';

const VAR = 'var';

export async function start(argv: readonly string[]): Promise<number> {
  const [input, warehouse, manifests, state] = ['staging', 'warehouse', 'manifests', 'state'].map((name) =>
    join(process.cwd(), VAR, name),
  ) as [string, string, string, string];
  for (const folder of [input, warehouse, manifests]) mkdirSync(folder, { recursive: true });
  const shown = (path: string) => `./${relative(process.cwd(), path)}`;
  tell(
    `Drop a file into ${shown(input)}; when it has been quiet for 10 seconds it appears in ${shown(warehouse)}. Ctrl-C ends.`,
  );
  const folders = ['--input', input, '--warehouse', warehouse, '--manifests', manifests];
  return ingest([...folders, '--state-path', join(state, 'state.db'), ...argv]);
}
