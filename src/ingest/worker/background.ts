/**
 * A worker's work beside its batches: heartbeats, jobs of dead owners, silent owners, probes of places, the reaper.
 * Guarantees: an error of a timer ends the process or is logged; none is swallowed. Idle, it writes nothing to the database.
 */
import type { Backend, OnStuck, Reader, StageName, StuckWork, Tx } from '../../../queue/backend.js';
import { limits, StateUnwritable } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import { stagesUsed } from '../../base/config/values/stage-names.js';
import type { Emit } from '../../base/telemetry/emit.js';
import { errnoOf, PlaceError, type PlaceKind, placeError, STUCK } from '../../files/place-error.js';
import { shownName } from '../../linux/index.js';
import { HANGS_IN } from '../calls/order.js';
import type { Hung } from '../calls/thread.js';
import { FeedFiles } from '../files/feed-files.js';
import { closeForPlace, stuckFeeds } from '../health/episode.js';
import { countLostLines } from '../health/heartbeats.js';
import { openEnded } from '../health/pause.js';
import { probeGates } from '../health/prober.js';
import type { Remote } from '../health/remote.js';
import { DEATHS_EVERY_MS, noteDeaths } from '../ledger/services.js';
import { Periods } from '../periods/close.js';
import { STAGES } from '../stages/index.js';
import { adoptOrphans, type Reaped, redoAppends, removeTemporary } from '../upkeep/reaper.js';
import { checkStateOnce } from '../upkeep/state-check.js';
import type { Feeds } from './feeds.js';
import { SilentOwners } from './silent-owners.js';

const REMOTE_EVERY_MS = 1_000;
const REDO_EVERY_MS = 2_000;
const PROBE_EVERY_MS = 500;
const ORPHANS_EVERY_MS = 300_000;

/** All periods end on one grid, so that an idle process wakes once for several of them: a wake costs more than a round. */
function untilNextMs(periodMs: number): number {
  const leftMs = periodMs - (performance.now() % periodMs);
  return leftMs < periodMs / 4 ? leftMs + periodMs : leftMs;
}

/** The current job of a process, and the place in which it may hang. */
export interface Current {
  job: string | null;
  place: string;
}

type Reap = (reaped: Reaped, feed: FeedOptions) => Promise<unknown>;

const NOTHING: Current = { job: null, place: '' };

export interface BackgroundParts {
  backend: Backend;
  statePath: string;
  feeds: Feeds;
  emit: Emit;
  /** The time without a sign of life after which an owner is reported. */
  stallMs: number;
  onFatal: (error: unknown) => void;
  /** Checks that the threads make progress. */
  checkThreads: () => void;
}

export class Background {
  readonly #timers: NodeJS.Timeout[] = [];
  /** By the caller that noted it: batches of several stages run interleaved, and one of them may have a file for an hour. */
  readonly #current = new Map<object, Current>();
  #said: Current = NOTHING;
  #stopped = false;
  readonly #logged = new Set<string>();

  constructor(readonly parts: BackgroundParts) {}

  /** Starts the heartbeats before everything else: the work before the first batch may take long, too. */
  startHeartbeats(): void {
    this.#every(limits.beatEveryMs, async () => {
      this.#beat();
      this.parts.checkThreads();
      this.parts.backend.checkStillOurs();
      // Not awaited: the next heartbeat waits for no lock of the database.
      countLostLines(this.parts.backend).catch(this.parts.onFatal);
    });
  }

  start(remotes: readonly Remote[]): void {
    this.#every(limits.rescueEveryMs, () => this.#rescue());
    this.#every(DEATHS_EVERY_MS, () => noteDeaths(this.parts.backend));
    const silentOwners = new SilentOwners(this.parts.stallMs, this.parts.emit);
    this.#every(silentOwners.everyMs, async () => silentOwners.check(this.parts.backend.owners()));
    this.#every(PROBE_EVERY_MS, () => this.#probe(remotes));
    this.#every(PROBE_EVERY_MS, () => openEnded(this.parts.backend, this.parts.emit));
    this.#every(PROBE_EVERY_MS, () => checkStateOnce(this.parts.backend, this.parts.statePath, this.parts.emit));
    for (const remote of remotes) {
      this.#every(REMOTE_EVERY_MS, () => remote.round());
      if (remote.removeLocal) this.#every(REMOTE_EVERY_MS, remote.removeLocal);
    }
    const periods = new Periods();
    const hand = this.handOf(periods);
    const closePeriods: Reap = (reaped, feed) => periods.close({ ...reaped, hand }, feed, () => this.#stopped);
    this.#every(REDO_EVERY_MS, () => this.#reap(redoAppends, closePeriods));
    this.#every(ORPHANS_EVERY_MS, () => this.#reap(adoptOrphans, async (reaped) => removeTemporary(reaped)));
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
  }

  /** Written at once: if the process dies, the crash counts for the job that is noted. */
  hand(by: object, now: Current | undefined): void {
    this.#current.delete(by);
    if (now) this.#current.set(by, now);
    const said = now ?? [...this.#current.values()].at(-1) ?? NOTHING;
    if (said.job === this.#said.job && said.place === this.#said.place) return;
    this.#said = said;
    this.#beat();
  }

  #beat(): void {
    this.parts.backend.beat(this.#said);
  }

  /** The first round runs at once. A round begins only when the previous one has ended. */
  #every(ms: number, act: () => Promise<unknown>): void {
    const slot = this.#timers.push(setTimeout(() => {}, 0)) - 1;
    const round = async (): Promise<void> => {
      try {
        await act();
      } catch (error) {
        // These two errors pass by themselves, and are reported by their gates and dispatchers.
        if (!(error instanceof StateUnwritable || error instanceof PlaceError)) this.parts.onFatal(error);
      }
      if (!this.#stopped) this.#timers[slot] = setTimeout(() => void round(), untilNextMs(ms));
    };
    void round();
  }

  async #rescue(): Promise<void> {
    const { backend, emit } = this.parts;
    const closed: ClosedGate[] = [];
    const close: OnStuck = (tx, at, place) => {
      for (const { feed, stage } of needing(place, at, this.#stagesNeeding))
        closed.push(...closeStuck(tx, feed, stage, place));
    };
    for (const { owner, jobs, inProgress, poisoned } of await backend.rescue(close))
      emit('worker_lost', { owner, jobs, in_progress: inProgress, poisoned: poisoned.length });
    this.#logClosed(closed);
  }

  /** A call has not ended for --stall-seconds. If a place hangs, the gates of the stages that need it are closed. */
  async hung({ order, file, job, back }: Hung): Promise<void> {
    const { backend, emit, stallMs } = this.parts;
    const { name: feed } = order.terms.feed;
    const place = HANGS_IN[order.act];
    const named = { feed, job: job ?? null, path: shownFile(file), act: order.act, place };
    emit('call_hangs', { ...named, quiet_seconds: Math.round(stallMs / 1_000) });
    void back.then(() => emit('call_back', named));
    if (place === '') return;
    const closed = await backend.transact((tx) =>
      this.#stagesNeeding(place, feed).flatMap((stage) => closeStuck(tx, feed, stage, place)),
    );
    this.#logClosed(closed);
  }

  /** The stages that need the place, among the stages that the feed uses. */
  #stagesNeeding = (place: string, feed: string): StageName[] => {
    const used: readonly string[] = stagesUsed([this.parts.feeds.optionsOf(feed) ?? {}]);
    return STAGES.filter(({ name, places }) => used.includes(name) && places.some((one) => one === place)).map(
      ({ name }) => name,
    );
  };

  #logClosed(closed: readonly ClosedGate[]): void {
    for (const { feed, stage, error } of closed) {
      const { place, code, message } = error;
      this.parts.emit('gate_closed', { feed, stage, place, code, reason: message });
    }
  }

  #probe(remotes: readonly Remote[]): Promise<void> {
    const { backend, feeds, emit } = this.parts;
    return probeGates(backend, feeds, this.handOf(feeds), emit, remotes);
  }

  /** Notes a place without changing the noted job: this work belongs to no job. */
  handOf(by: object): (place: string) => void {
    return (place) => this.hand(by, place === '' ? undefined : { job: this.#said.job, place });
  }

  async #reap(...acts: Reap[]): Promise<void> {
    const { backend, feeds, emit } = this.parts;
    const stuck = stuckFeeds(backend);
    for (const name of feeds.names()) {
      // Its round would hang too, outside of any job.
      if (stuck.has(name)) continue;
      const feed = await feeds.get(name);
      if (!feed) continue;
      for (const act of acts) {
        const files = new FeedFiles(feed.roots);
        try {
          await act({ backend, emit, feed: name, files }, feed.options);
        } catch (error) {
          this.#reapingFailed(name, error);
        } finally {
          files.close();
        }
      }
    }
  }

  /** A place that fails here gets a gate as soon as a job needs it. The next round tries again. */
  #reapingFailed(feed: string, error: unknown): void {
    if (error instanceof PlaceError) return;
    if (errnoOf(error) === undefined) throw error;
    const reason = (error as Error).message;
    if (this.#logged.has(reason)) return;
    this.#logged.add(reason);
    this.parts.emit('reaping_failed', { feed, reason });
  }
}

/**
 * The stages to close when an owner hangs in a place: the stage of the current job if it needs the place. Batches run interleaved, so
 * else the stages of its claimed jobs that need it; or, as targets are looked for earlier, all stages that need it.
 */
function needing(
  place: string,
  at: readonly StuckWork[],
  stagesNeeding: (place: string, feed: string) => StageName[],
): readonly { feed: string; stage: StageName }[] {
  const here = at.filter(({ feed, stage }) => stagesNeeding(place, feed).includes(stage));
  const now = here.filter(({ inProgress }) => inProgress);
  if (here.length > 0) return now.length > 0 ? now : here;
  return [...new Set(at.map(({ feed }) => feed))].flatMap((feed) =>
    stagesNeeding(place, feed).map((stage) => ({ feed, stage })),
  );
}

interface ClosedGate {
  feed: string;
  stage: StageName;
  error: PlaceError;
}

/** Closes the gate. Returns it where an episode begins with it. */
function closeStuck(tx: Tx, feed: string, stage: StageName, place: string): ClosedGate[] {
  const error = placeError(place as PlaceKind, pathOf(tx, feed, place), STUCK);
  return closeForPlace(tx, feed, stage, error) ? [{ feed, stage, error }] : [];
}

const pathOf = (reader: Reader, feed: string, place: string): string =>
  reader.get<{ path: string }>('SELECT path FROM roots WHERE feed = ? AND kind = ?', feed, place)?.path ?? '';

const shownFile = (file: Hung['file']): string | null =>
  file === undefined ? null : shownName('path' in file ? file.path : file.target);
