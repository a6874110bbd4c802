/**
 * A producer in a process of its own, on the input and state of argv. It scans, scans again on request, and sends the number of files
 * that it took and its peak memory.
 */
import { readFileSync } from 'node:fs';
import { openState } from '../../../src/ingest/ledger/open-state.js';
import { FeedProducer } from '../../../src/ingest/producer/feed-producer.js';
import { limits } from '../../../src/ingest/producer/limits.js';
import { clockEpoch } from '../../../src/linux/index.js';
import { feedOptions } from './world.js';

export interface Weighed {
  taken: number;
  peakBytes: number;
}

const [input, statePath] = process.argv.slice(2) as [string, string];
const backend = await openState({ statePath, maxAttempts: 8, title: 'producer', cacheKib: limits.cacheKib });
const feed = feedOptions(input);
await backend.putFeed(feed.name, { name: feed.name });
const producer = new FeedProducer({
  backend,
  feed,
  boot: clockEpoch(),
  emit: () => {},
  onFatal: (error) => {
    throw error;
  },
});

async function scan(): Promise<void> {
  await producer.scan();
  const peakKiB = Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]);
  process.send!({ taken: producer.taken, peakBytes: peakKiB * 1024 } satisfies Weighed);
}

producer.start();
await scan();
process.on('message', () => void scan());
process.on('disconnect', () => process.exit());
