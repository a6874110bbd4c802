/**
 * A consumer in its own process, which can be killed: an applied event is in its journal before it asks for the next
 * one.
 */
import { openSync, writeSync } from 'node:fs';
import { type Ending, type Start, Taker } from './taker.js';

export type ToChild =
  | { kind: 'start'; start: Start; journal: string }
  | { kind: 'watch' | 'pause' | 'resume' | 'idle' | 'stop' }
  | { kind: 'end'; events: number; how: Ending };
/** Every message is answered by one when it is done. */
export interface FromChild {
  failed?: string;
}

let taker: Taker;

async function answer(message: ToChild): Promise<void> {
  if (message.kind === 'start') {
    const fd = openSync(message.journal, 'a');
    taker = new Taker(message.start, (line) => writeSync(fd, `${JSON.stringify(line)}\n`));
  } else if (message.kind === 'end') taker.endAfter(message.events, message.how);
  else if (message.kind === 'idle') await taker.watcher.idle();
  else await taker[message.kind]();
}

/** One after the other. */
let last = Promise.resolve();
process.on('message', (message: ToChild) => {
  last = last
    .then(() => answer(message))
    .then(
      () => void process.send!({} satisfies FromChild),
      (error) => void process.send!({ failed: String(error) } satisfies FromChild),
    );
});
process.on('disconnect', () => process.exit());
