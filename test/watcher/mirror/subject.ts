/**
 * A process that mirrors a tree from the events of one watcher. It talks to the driver over IPC.
 */
import type { Places, Watch, Watching } from './adapter.js';
import { type Differences, Picture } from './picture.js';

export type ToSubject = { kind: 'start'; adapter: string; places: Places } | { kind: 'compare' };
/** Every message is answered by one when it is done. */
export interface FromSubject {
  /** After `compare`. */
  differences?: Differences;
  entries: number;
  events: number;
  /** By reason. */
  overflows: Record<string, number>;
  /** By cause. */
  scans: Record<string, number>;
  troubles: string[];
}

const TROUBLES_MAX = 20;

let picture: Picture;
let watching: Watching;
let events = 0;
const overflows: Record<string, number> = {};
const scans: Record<string, number> = {};
const troubles: string[] = [];

async function start(adapter: string, places: Places): Promise<void> {
  const { watch } = (await import(adapter)) as { watch: Watch };
  picture = new Picture(places.root);
  watching = await watch(places, {
    onEvent(changed) {
      events += 1;
      picture.take(changed);
    },
    onOverflow(reason) {
      overflows[reason] = (overflows[reason] ?? 0) + 1;
    },
    onScan(cause) {
      scans[cause] = (scans[cause] ?? 0) + 1;
    },
    onTrouble(message) {
      if (troubles.length < TROUBLES_MAX) troubles.push(message);
    },
  });
}

async function answer(message: ToSubject): Promise<Differences | undefined> {
  if (message.kind === 'start') {
    await start(message.adapter, message.places);
    return undefined;
  }
  await watching.quiet();
  const differences = picture.compare();
  picture.repair();
  return differences;
}

/** One after the other. */
let last = Promise.resolve();
process.on('message', (message: ToSubject) => {
  last = last.then(async () => {
    const differences = await answer(message);
    const reply: FromSubject = { entries: picture.size, events, overflows, scans, troubles };
    if (differences) reply.differences = differences;
    process.send!(reply);
  });
});
process.on('disconnect', () => process.exit());
