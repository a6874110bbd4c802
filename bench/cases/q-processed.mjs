/** q: one csv that is checked and split on its way, beside what people run over a csv today. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { quietForASecond } from '../harness/inputs.mjs';
import { filesOf, roundsOf } from '../harness/options.mjs';
import { writeOrders } from '../harness/orders.mjs';
import { measured } from '../harness/run.mjs';
import { chosen, sitting } from '../harness/sitting.mjs';
import { inWorld } from '../harness/world.mjs';
import { ingest } from '../peers/product.mjs';
import { duckdb, miller } from '../peers/splitters.mjs';

const RECORDS = 2_000_000;
const BAD_EVERY = 1_000;
const CHAIN = {
  ...{ format: 'csv', start: 'check', reject: { max: '1%' } },
  steps: {
    check: { columns: { amount: { type: 'number', required: true } }, next: 'split', else: 'reject' },
    split: { by: 'country' },
  },
};

const product = {
  ...{ id: 'product', title: 'Atomic Ingestor: checked, split, hashed, stored', kind: 'product' },
  command(world) {
    const chain = join(world.base, 'chain.yaml');
    writeFileSync(chain, JSON.stringify(CHAIN));
    return ingest(world, '--once', '--process', chain);
  },
};

export default {
  title: 'A csv that is checked and split by a column',
  columns: [
    { key: 'seconds', label: 'seconds, exec to exit' },
    { key: 'recordsPerS', label: 'records/s', ratio: true },
    { key: 'cpuS', label: 'CPU seconds' },
    { key: 'peakTreeMb', label: 'peak MB, whole tree' },
  ],
  chart: { key: 'recordsPerS', label: 'records/s' },
  best: [{ id: 'duckdb', key: 'recordsPerS' }],

  async run(options, tell) {
    const records = filesOf(options, RECORDS);
    const rounds = roundsOf(options, 1);
    const contestants = chosen([product, miller, duckdb], options);
    const rows = await sitting({ rounds, contestants, tell }, (contestant) =>
      inWorld(options, async (world) => {
        writeOrders(join(world.input, 'orders.csv'), records, { quotes: true, badEvery: BAD_EVERY });
        await quietForASecond();
        world.settle();
        const { processes, ...usage } = await measured(contestant.command(world), { log: world.log });
        const found = recordsIn(world.warehouse);
        if (found !== records) throw new Error(`${contestant.title}: ${found} of ${records} records`);
        return { ...usage, recordsPerS: records / usage.seconds };
      }),
    );
    return { files: records, rounds, rows, unit: 'records' };
  },
};

/** Counts the records of all outputs. Each output has a header. The delivered file is no output. */
function recordsIn(warehouse) {
  const outputs = readdirSync(warehouse, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && entry.name.endsWith('.csv') && !entry.parentPath.includes('_originals'),
  );
  return outputs.reduce((sum, { parentPath, name }) => sum + linesOf(join(parentPath, name)) - 1, 0);
}

function linesOf(path) {
  let lines = 0;
  const bytes = readFileSync(path);
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) lines++;
  return lines;
}
