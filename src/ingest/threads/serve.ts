/** In the thread: chooses among its orders, and carries them out piece by piece. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { parentPort, receiveMessageOnPort } from 'node:worker_threads';
import { isFull } from '../../../queue/errors.js';
import { handText } from '../../../queue/slot-text.js';
import type { Act } from '../calls/order.js';
import { Running } from '../calls/run.js';
import { packed } from './failure.js';
import { type Asked, BEGUN, DRAINING, FILE, ORDER, type Said, type ThreadData } from './messages.js';

interface UnderWay {
  asked: Asked;
  running: Running;
}

/** From last to first. A look goes first: it is short, and the main thread has most to do after it. */
const RANKS: readonly Act[] = ['hash', 'seal', 'move', 'free_name'];
const rank = ({ asked: { order } }: UnderWay): number => RANKS.indexOf(order.act);

/** Files in one go, after which what came meanwhile may go first: a thousand seals take 50 ms. */
const PIECE = 128;

/** Takes orders until the thread is ended. */
export function serve({ spot, words }: ThreadData): void {
  // A descriptor of its own: those of the main thread's file hold its lock.
  const fd = openSync(spot.path, 'r+');
  const hand = (job: string | null): void => {
    try {
      writeSync(fd, handText(job), spot.at, 'latin1');
    } catch (error) {
      // A full disk under a filesystem that never writes in place; as for the main thread's own beats.
      if (!isFull(error)) throw error;
    }
  };
  process.on('exit', () => closeSync(fd));
  const orders: UnderWay[] = [];
  const goOn = ({ asked, running }: UnderWay): void => {
    for (let n = 0; n < PIECE && !running.isDone; n++) {
      const file = running.answers.length;
      Atomics.store(words, ORDER, asked.id);
      Atomics.store(words, FILE, file);
      Atomics.add(words, BEGUN, 1);
      if (Atomics.load(words, DRAINING) === 1 && file > 0) running.stop();
      if (asked.jobs) hand(asked.jobs[file]!);
      running.next();
    }
    if (asked.jobs) hand(null);
  };
  const say = (said: Said): void => parentPort!.postMessage(said);
  const take = (asked: Asked): void => {
    try {
      orders.push({ asked, running: new Running(asked.order) });
    } catch (error) {
      say({ id: asked.id, error });
    }
  };
  const next = (one: UnderWay): void => {
    goOn(one);
    const { asked, running } = one;
    if (!running.isDone) return;
    orders.splice(orders.indexOf(one), 1);
    running.close();
    say({ id: asked.id, answers: running.answers.map(packed) });
  };
  parentPort!.on('message', (first: Asked) => {
    take(first);
    while (orders.length > 0) {
      next(orders.reduce((a, b) => (rank(b) > rank(a) ? b : a)));
      for (let more = receiveMessageOnPort(parentPort!); more; more = receiveMessageOnPort(parentPort!))
        take(more.message);
    }
  });
}
