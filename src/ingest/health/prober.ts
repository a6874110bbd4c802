/**
 * Probes failing places every few seconds, and opens their gates when they work again.
 * Guarantees: one process probes a place at a time. A place is not touched before its filesystem answers a child process, and not
 * written before it takes a child's write, so no process hangs in a probe. Only these children do.
 */
import type { Backend, Gate } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';
import type { Emit } from '../../base/telemetry/emit.js';
import { PlaceError, type PlaceKind, STUCK } from '../../files/place-error.js';
import { FeedFiles, type Roots } from '../files/feed-files.js';
import { deadRoots } from './dead-roots.js';
import { ON_TRIAL, openForPlace, PROBE_EVERY_MS, reasonNow } from './episode.js';
import { PLACES } from './places.js';
import type { Remote } from './remote.js';
import { roomToCopy } from './room-to-copy.js';

/** The feeds that this process knows. */
interface KnownFeeds {
  optionsOf(name: string): FeedOptions | undefined;
  /** Undefined where it is not entered. */
  get(name: string): Promise<{ roots: Roots } | undefined>;
}

/** One round over the gates that are due. `remotes` are asked, other places are probed once their filesystem answers. */
export async function probeGates(
  backend: Backend,
  feeds: KnownFeeds,
  hand: (place: string) => void,
  emit: Emit,
  remotes: readonly Remote[] = [],
): Promise<void> {
  const due = backend.gates().filter((gate) => gate.cause === 'place' && gate.probeDueMs <= backend.nowMs());
  for (const gate of due) {
    const remote = remotes.find(({ place }) => place === gate.place);
    if (!remote && !PLACES[gate.place as PlaceKind].probe) continue;
    const options = feeds.optionsOf(gate.feed);
    if (!options || !(await backend.takeProbe(gate))) continue;
    const isStuck = (await deadRoots(backend, options, gate.place)).some(({ code }) => code === STUCK);
    const feed = isStuck ? undefined : await feeds.get(gate.feed);
    if (!feed) {
      await backend.putBackProbe(gate, PROBE_EVERY_MS);
      continue;
    }
    const failure =
      gate.stage === ON_TRIAL
        ? undefined
        : remote
          ? await refusal(remote, gate.feed, hand)
          : await probe(backend, gate, feed.roots, hand);
    if (failure !== undefined) {
      // The gate may have to wait for room all the same.
      if (failure instanceof PlaceError && failure.code !== STUCK) await sayWhyNow(backend, gate, failure, emit);
      await backend.putBackProbe(gate, PROBE_EVERY_MS);
      continue;
    }
    if (await backend.transact((tx) => openForPlace(tx, gate))) {
      emit('gate_opened', {
        feed: gate.feed,
        place: gate.place,
        code: gate.code,
        closed_seconds: Math.round((Date.now() - gate.sinceMs) / 1_000),
      });
    }
  }
}

/** The reason may have changed, and with it what an operator must do. */
async function sayWhyNow(
  backend: Backend,
  { feed, stage, place }: Gate,
  failure: PlaceError,
  emit: Emit,
): Promise<void> {
  const { code, message: reason } = failure;
  if (!(await backend.transact((tx) => reasonNow(tx, feed, failure)))) return;
  emit('gate_closed', { feed, stage, place, code, reason });
}

function refusal(remote: Remote, feed: string, hand: (place: string) => void): Promise<unknown> {
  hand(remote.place);
  const asked = remote.ask(feed).then(
    () => undefined,
    (error: unknown) => error,
  );
  return asked.finally(() => hand(''));
}

/** The error that the place still gives; undefined: it works. */
async function probe(backend: Backend, gate: Gate, roots: Roots, hand: (place: string) => void): Promise<unknown> {
  const files = new FeedFiles(roots);
  const place = PLACES[gate.place as PlaceKind];
  const isFull = gate.code === 'ENOSPC' || gate.code === 'EDQUOT';
  try {
    // It is noted while this thread touches the place, and not while a child does.
    hand(gate.place);
    const checked = place.checkWrites?.(files);
    hand('');
    await checked;
    hand(gate.place);
    place.probe!(files, isFull ? () => backend.read((reader) => roomToCopy(reader, gate)) : undefined);
    return undefined;
  } catch (error) {
    return error;
  } finally {
    hand('');
    files.close();
  }
}
