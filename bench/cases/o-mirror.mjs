/**
 * o: what is lost: several processes change a tree at random, and a mirror that is driven by a watcher's events alone is
 * held against the tree at quiet points (test/watcher/mirror). What was lost is counted once: the mirror is put right
 * before it goes on.
 */
import { join } from 'node:path';
import { mirror } from '../../dist/test/watcher/mirror/driver.js';
import { filesOf } from '../harness/options.mjs';
import { PACKAGE } from '../harness/package.mjs';
import { chosen, sitting } from '../harness/sitting.mjs';

const OPERATIONS = 20_000;
const PER_ROUND = 250;
const SEED = 7;
const PEERS = join(PACKAGE, 'bench/peers/watchers');
const OURS = join(PACKAGE, 'dist/test/watcher/mirror/product.js');

const CONTESTANTS = [
  { id: 'product', title: 'atomic-ingestor/watcher', kind: 'product', adapter: OURS },
  { id: 'chokidar', peer: 'chokidar', title: 'chokidar 6', kind: 'peer', adapter: join(PEERS, 'chokidar.mjs') },
  { id: 'parcel', peer: 'parcel', title: '@parcel/watcher 2.6', kind: 'peer', adapter: join(PEERS, 'parcel.mjs') },
  {
    id: 'fs-watch',
    peer: 'fs-watch',
    title: 'fs.watch, recursive',
    kind: 'peer',
    adapter: join(PEERS, 'fs-watch.mjs'),
  },
];

async function mirrored({ adapter, kind }, options, operations, round) {
  const result = await mirror({
    ...{ adapter, operations, seed: SEED + round, perRound: PER_ROUND, base: options.root },
  });
  const { quietPoints, wrongPoints, missing, extra, stale, events, overflows, examples } = result;
  const lost = missing + extra + stale;
  if (kind === 'product' && lost > 0) throw new Error(`the mirror is not the tree: ${examples.join('; ')}`);
  const told = Object.values(overflows).reduce((sum, count) => sum + count, 0);
  return {
    ...{
      quietPoints,
      wrongPoints,
      missing,
      extra,
      stale,
      lost,
      events,
      overflows: told,
      operations: result.operations,
    },
    ...(lost > 0 && { faults: `wrong at ${wrongPoints} of ${quietPoints} quiet points` }),
  };
}

export default {
  title: 'What a mirror loses',
  columns: [
    { key: 'quietPoints', label: 'quiet points' },
    { key: 'wrongPoints', label: 'of them wrong', less: true },
    { key: 'missing', label: 'names missing' },
    { key: 'extra', label: 'names that are gone' },
    { key: 'stale', label: 'contents wrong' },
    { key: 'events', label: 'events' },
    { key: 'overflows', label: 'overflows reported' },
  ],
  chart: { key: 'lost', label: 'names and contents that were wrong' },
  best: [{ id: 'chokidar', key: 'wrongPoints' }],

  async run(options, tell) {
    const operations = filesOf(options, OPERATIONS);
    const rounds = options.rounds ?? 1;
    const contestants = chosen(CONTESTANTS, options);
    const rows = await sitting({ rounds, contestants, tell }, (contestant, round) =>
      mirrored(contestant, options, operations, round),
    );
    return { files: operations, rounds, rows, unit: 'operations' };
  },
};
