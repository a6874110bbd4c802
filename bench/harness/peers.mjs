/** The versions of the packages that are measured beside the product. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE } from './package.mjs';

const NAMES = [
  'chokidar',
  '@parcel/watcher',
  'bullmq',
  'better-queue',
  'better-queue-sqlite',
  'plainjob',
  'pg-boss',
  'graphile-worker',
];

/** Name to version, as `bench/package.json` asks for them. */
export function peers() {
  const { dependencies } = JSON.parse(readFileSync(join(PACKAGE, 'bench/package.json'), 'utf8'));
  return Object.fromEntries(NAMES.map((name) => [name, dependencies[name]]));
}
