/**
 * Feeds that cannot be entered yet, because the filesystem of one of their roots is dead: their gates say so, and the other feeds go on.
 * Guarantees: such a feed is entered within seconds after its filesystem answers.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Backend } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';
import type { Emit } from '../../base/telemetry/emit.js';
import { errnoOf, type PlaceError } from '../../files/place-error.js';
import { closeForPlace } from '../health/episode.js';
import { checkFeeds } from '../upkeep/enter.js';

const ASK_EVERY_MS = 2_000;
const EVERY_STAGE = '*';

interface Parts {
  backend: Backend;
  statePath: string;
  emit: Emit;
  /** Aborted when the process ends. */
  signal: AbortSignal;
}

/** Calls `enter` for each feed of `dead` once it may be entered, unless the process ends before. */
export const whenAlive = (
  parts: Parts,
  feeds: readonly FeedOptions[],
  dead: ReadonlyMap<string, PlaceError>,
  enter: (feed: FeedOptions) => Promise<void>,
): Promise<void>[] =>
  feeds
    .filter(({ name }) => dead.has(name))
    .map(async (feed) => {
      if (await untilAlive(parts, feed, dead.get(feed.name))) await enter(feed);
    });

/** False: the process ends. `error`: what keeps the feed. */
async function untilAlive(
  { backend, statePath, emit, signal }: Parts,
  feed: FeedOptions,
  error: PlaceError | undefined,
): Promise<boolean> {
  for (let dead = error; dead !== undefined; ) {
    await closeForDead(backend, feed.name, dead, emit);
    await sleep(ASK_EVERY_MS, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return false;
    try {
      dead = (await checkFeeds(backend, statePath, [feed])).get(feed.name);
    } catch (error) {
      // It answered, and failed again while it was read.
      if (errnoOf(error) === undefined) throw error;
    }
  }
  return true;
}

/** The prober of a worker opens the gate. */
export async function closeForDead(backend: Backend, feed: string, error: PlaceError, emit: Emit): Promise<void> {
  const { place, code, message: reason } = error;
  const isClosed = backend
    .gates()
    .some((gate) => gate.feed === feed && gate.stage === EVERY_STAGE && gate.place === place && gate.code === code);
  if (isClosed) return;
  const isNew = await backend.transact((tx) => closeForPlace(tx, feed, EVERY_STAGE, error));
  if (isNew) emit('gate_closed', { feed, stage: EVERY_STAGE, place, code, reason });
}
