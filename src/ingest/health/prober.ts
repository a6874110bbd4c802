/**
 * Probes failing places every few seconds, and opens their gates when they work again.
 * Guarantees: one process probes a place at a time, and no other process begins before that probe has ended. So a hung mount
 * stops one process and not all.
 */
import { statfs } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Backend, Gate } from '../../../queue/backend.js';
import type { Emit } from '../../base/telemetry/emit.js';
import { PlaceError, type PlaceKind } from '../../files/place-error.js';
import { FeedFiles, type Roots } from '../files/feed-files.js';
import { ON_TRIAL, openForPlace, PROBE_EVERY_MS, reasonNow, STUCK } from './episode.js';
import { PLACES } from './places.js';
import type { Remote } from './remote.js';
import { roomToCopy } from './room-to-copy.js';

const ANSWER_MS = 1_000;

/**
 * One round over the gates that are due. `rootsOf` returns undefined for a feed that this process does not know; `remotes` are asked,
 * other places are probed.
 */
export async function probeGates(
  backend: Backend,
  rootsOf: (feed: string) => Promise<Roots | undefined>,
  hand: (place: string) => void,
  emit: Emit,
  remotes: readonly Remote[] = [],
): Promise<void> {
  const due = backend.gates().filter((gate) => gate.cause === 'place' && gate.probeDueMs <= backend.nowMs());
  for (const gate of due) {
    const remote = remotes.find(({ place }) => place === gate.place);
    if (!remote && !PLACES[gate.place as PlaceKind].probe) continue;
    const roots = await rootsOf(gate.feed);
    const path = roots?.[gate.place as keyof Omit<Roots, 'markers'>];
    // One place that hangs takes one thread of this process. Others are probed meanwhile.
    const isUnasked = hanging !== undefined && (gate.code === STUCK || path === hanging);
    if (!roots || isUnasked || !(await backend.takeProbe(gate))) continue;
    if (gate.code === STUCK && !(await answers(backend, gate, path!))) continue;
    hand(gate.place);
    const failure =
      gate.stage === ON_TRIAL ? undefined : remote ? await refusal(remote, gate.feed) : probe(backend, gate, roots);
    hand('');
    if (failure !== undefined) {
      if (failure instanceof PlaceError) await sayWhyNow(backend, gate, failure, emit);
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

/** The place that this process waits for, because it does not answer. */
let hanging: string | undefined;

/**
 * Asks, on another thread, whether a place in which a process hung answers at all. While it does not, this process goes on with
 * everything else, keeps the probe and asks no other place that hung.
 */
async function answers(backend: Backend, gate: Gate, path: string): Promise<boolean> {
  hanging = path;
  // An error is an answer, too: the probe will find it again.
  const asked = statfs(path)
    .catch(() => undefined)
    .then(() => {
      hanging = undefined;
      return true;
    });
  const inTime = await Promise.race([asked, delay(ANSWER_MS, false, { ref: false })]);
  if (!inTime) void asked.then(() => backend.putBackProbe(gate, 0)).catch(() => undefined); // the owner may have ended meanwhile
  return inTime;
}

const refusal = (remote: Remote, feed: string): Promise<unknown> =>
  remote.ask(feed).then(
    () => undefined,
    (error: unknown) => error,
  );

/** The error that the place still gives; undefined: it works. */
function probe(backend: Backend, gate: Gate, roots: Roots): unknown {
  const files = new FeedFiles(roots);
  const isFull = gate.code === 'ENOSPC' || gate.code === 'EDQUOT';
  try {
    PLACES[gate.place as PlaceKind].probe!(
      files,
      isFull ? () => backend.read((reader) => roomToCopy(reader, gate)) : undefined,
    );
    return undefined;
  } catch (error) {
    return error;
  } finally {
    files.close();
  }
}
