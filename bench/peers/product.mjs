/** The product, as its users run it: every guarantee on, its log kept. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE } from '../harness/package.mjs';
import { Run } from '../harness/run.mjs';

export const bin = (name) => join(PACKAGE, 'bin', name);
export const statePath = (world) => join(world.state, 'state.db');

export const feedFlags = (world) => [
  ...['--input', world.input, '--warehouse', world.warehouse, '--manifests', world.manifests],
  ...['--state-path', statePath(world)],
];

/** Files that are there already have been quiet for long: the window is 0, the rest after the last change is not. */
export const ingest = (world, ...flags) => ({
  file: bin('ingest'),
  args: [...feedFlags(world), '--stability-seconds', '0', ...flags],
});

/** The same whole, with other options: `--once`, so it ends by itself. */
export function product(id, title, { flags = [], ...how } = {}) {
  return { id, title, kind: 'product', ...how, command: (world) => ingest(world, '--once', ...flags) };
}

/** Discovery alone. */
export const producer = (world, ...flags) => ({ ...ingest(world, ...flags), file: bin('ingest-producer') });

/**
 * As a service in sidecar mode (a rename makes a file newer than its sidecar, so the window counts too: it is 0), with a second feed
 * for a backlog where one is asked for. `onStored(path, feed)` is called for each file.
 */
export const ingestService = {
  kind: 'product',
  async start(world, { backlog = false, onStored, flags = [], sample = false }) {
    const config = join(world.base, 'feeds.yaml');
    const feeds = { drops: feedOf(world, world.input, 'drops', 'sidecar') };
    if (backlog) feeds.backlog = feedOf(world, join(world.base, 'backlog'), 'backlog', 'stability');
    writeFileSync(config, JSON.stringify({ 'state-path': statePath(world), feeds }));
    const command = { file: bin('ingest'), args: ['--config', config, ...flags] };
    const run = new Run(command, { sample, onLine: (line) => tellStored(line, onStored) });
    await run.line((line) => line.includes('"watching"'));
    return run;
  },
};

const feedOf = (world, input, name, mode) => ({
  ...{ input, mode, 'stability-seconds': 0 },
  ...{ warehouse: world.folder(`warehouse/${name}`), manifests: world.folder(`manifests/${name}`) },
});

export function tellStored(line, onStored) {
  if (!line.includes('"file_ingested"')) return;
  const { path, feed } = JSON.parse(line);
  onStored(path, feed);
}
