/** A process that mirrors a tree by what one watcher tells. Talks to the driver over IPC. */
import type { Places, Watch, Watching } from './adapter.js';
import { type Differences, Picture } from './picture.js';

export type ToSubject =
  | { kind: 'start'; adapter: string; places: Places }
  | { kind: 'stop' | 'again' | 'pause' | 'starve' | 'resume' | 'compare' };
/** Every message is answered by one, when it is done. */
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

let watch: Watch;
let places: Places;
let picture: Picture;
let watching: Watching;
let events = 0;
const overflows: Record<string, number> = {};
const scans: Record<string, number> = {};
const troubles: string[] = [];

async function start(): Promise<void> {
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
    ({ watch } = (await import(message.adapter)) as { watch: Watch });
    ({ places } = message);
    picture = new Picture(places.root);
    await start();
  } else if (message.kind === 'compare') {
    await watching.quiet();
    const differences = picture.compare();
    picture.repair();
    return differences;
  } else if (message.kind === 'stop') await watching.stop();
  else if (message.kind === 'again') await start();
  else await watching[message.kind]?.();
  return undefined;
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
