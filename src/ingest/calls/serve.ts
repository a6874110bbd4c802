/** The code of a call thread: chooses among its orders, and carries them out in pieces. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { parentPort, receiveMessageOnPort } from 'node:worker_threads';
import { isFull } from '../../../queue/errors.js';
import { jobText } from '../../../queue/slot-text.js';
import { sayLoaded } from '../../base/process/threads.js';
import { RateLimit, type Throttle } from '../../files/rate-limit.js';
import { packed } from './failure.js';
import { type FromThread, type OrderMessage, type ThreadData, type ToThread, WORD } from './messages.js';
import type { Act } from './order.js';
import { Running } from './run.js';

interface UnderWay {
  asked: OrderMessage;
  running: Running;
}

/** The last one has the highest priority: what is nearest to its end goes first. All other acts come last. */
const RANKS: readonly Act[] = ['seal', 'hash', 'move'];
const rank = ({ asked: { order } }: UnderWay): number => RANKS.indexOf(order.act);

/** The files of one piece. After it, a newer order may go first: a thousand seals take 50 ms. */
const PIECE = 128;

/** Takes orders until the thread is to end. */
export function serve(data: ThreadData): void {
  sayLoaded();
  const { words } = data;
  const hand = handOf(data);
  const drain = new AbortController();
  const throttle = throttleOf(data, drain.signal);
  const orders: UnderWay[] = [];
  const say = (said: FromThread): void => parentPort!.postMessage(said);
  /** After a give-up its orders belong to another thread: it only reports that the hung call has ended, and is ended. */
  const isGivenUp = ({ id }: OrderMessage): boolean => {
    if (Atomics.load(words, WORD.givenUp) === 0) return false;
    if (orders.length > 0) say({ id, answers: [] });
    for (const { running } of orders.splice(0)) running.close();
    return true;
  };
  const goOn = async ({ asked, running }: UnderWay): Promise<void> => {
    for (let n = 0; n < PIECE && !running.isDone; n++) {
      const file = running.answers.length;
      Atomics.store(words, WORD.order, asked.id);
      Atomics.store(words, WORD.file, file);
      // Checked after the position was stored: whoever gives the thread up sets the flag first, then reads the position.
      if (isGivenUp(asked)) return;
      Atomics.add(words, WORD.progress, 1);
      if (Atomics.load(words, WORD.draining) === 1 && file > 0) running.stop();
      if (asked.jobs) hand(asked.jobs[file]!);
      const ended = running.next();
      if (ended) await ended;
    }
    hand(null);
  };
  const take = (asked: OrderMessage): void => {
    // The roots are opened here, which may hang too.
    Atomics.store(words, WORD.order, asked.id);
    Atomics.store(words, WORD.file, 0);
    try {
      orders.push({ asked, running: new Running(asked.order, { throttle }) });
    } catch (error) {
      say({ id: asked.id, error });
    }
  };
  const next = async (one: UnderWay): Promise<void> => {
    await goOn(one);
    const { asked, running } = one;
    if (isGivenUp(asked) || !running.isDone) return;
    orders.splice(orders.indexOf(one), 1);
    running.close();
    say({ id: asked.id, answers: running.answers.map(packed) });
  };
  let isBusy = false;
  const hear = (message: ToThread): void => {
    if (message === 'drain') drain.abort();
    else if (message === 'end') parentPort!.close();
    else take(message);
  };
  parentPort!.on('message', async (first: ToThread) => {
    hear(first);
    if (isBusy) return;
    isBusy = true;
    while (orders.length > 0) {
      await next(orders.reduce((a, b) => (rank(b) > rank(a) ? b : a)));
      for (let more = receiveMessageOnPort(parentPort!); more; more = receiveMessageOnPort(parentPort!))
        hear(more.message);
    }
    isBusy = false;
  });
}

function handOf({ spot }: ThreadData): (job: string | null) => void {
  // A descriptor of its own: those of the main thread's file carry the lock.
  const fd = openSync(spot.path, 'r+');
  process.on('exit', () => closeSync(fd));
  return (job) => {
    try {
      writeSync(fd, jobText(job), spot.at, 'latin1');
    } catch (error) {
      // A full disk below a filesystem that never writes in place. The main thread's own heartbeats ignore it too.
      if (!isFull(error)) throw error;
    }
  };
}

/** While it waits for the rate limit, a thread reports progress this often. */
const WAITS_MS = 500;

/** Each piece of a large file is progress, and so is a wait for the rate limit. */
function throttleOf({ words, throttle: given }: ThreadData, drain: AbortSignal): Throttle {
  const goesOn = (): void => void Atomics.add(words, WORD.progress, 1);
  if (!given) return { take: async () => goesOn() };
  const throttle = new RateLimit(given.spot, given.bytesPerSecond, drain);
  process.on('exit', () => throttle.close());
  return {
    async take(bytes) {
      const waits = setInterval(goesOn, WAITS_MS);
      await throttle.take(bytes).finally(() => clearInterval(waits));
      goesOn();
    },
  };
}
