/** The product, as its users run it: every guarantee on, its log kept. */
import { join } from 'node:path';
import { PACKAGE } from '../harness/package.mjs';

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
