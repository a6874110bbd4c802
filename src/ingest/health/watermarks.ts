/**
 * Watermarks: work that fills a filesystem stops before the filesystem is full, and goes on when there is room again.
 * Guarantees: every producer of a state comes to the same result for every feed that the state knows. A filesystem that does
 * not answer is asked once and delays nothing (its probe finds that it hangs). A mark that is no longer set closes nothing.
 * Does not: check before each write. A copy to the warehouse checks by itself that it leaves enough (src/files/copy.ts).
 */
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Backend, Gate, StageName } from '../../../queue/backend.js';
import type { FeedOptions, ServiceOptions } from '../../base/config/options.js';
import type { Emit } from '../../base/telemetry/emit.js';
import { shownBytes } from '../../base/telemetry/safe.js';
import { stuckFeeds } from './episode.js';

export const LOW_SPACE = 'low_space';
export const LOW_INODES = 'low_inodes';
const CHECK_EVERY_MS = 2_000;
/** A place opens again at this multiple of its mark: at the mark itself every file would close it again. */
const AGAIN = 1.05;

type GateName = Pick<Gate, 'feed' | 'stage' | 'cause' | 'place'>;

/** The room that is kept free on the filesystem of `path`, and the gate that closes for it. */
interface Watermark {
  gate: GateName;
  path: string;
  least: { bytes: number; inodes: number };
  /** The options, for the message. */
  names: { bytes: string; inodes: string };
}

interface Free {
  bytes: number;
  /** Infinity where the filesystem has no inode limit. */
  inodes: number;
}

export class Watermarks {
  /** The state's own mark is reached: nothing new is written into it. */
  stateIsLow = false;
  readonly #asked = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly backend: Backend,
    private readonly service: Pick<ServiceOptions, 'statePath' | 'stateMinFreeBytes'>,
    private readonly emit: Emit,
  ) {}

  /** `onFatal` gets an error that kept a gate from being written. */
  start(onFatal: (error: unknown) => void): void {
    const check = () => void this.check().catch(onFatal);
    this.#timer = setInterval(check, CHECK_EVERY_MS);
    check();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Checks each place that has answered the last check. */
  async check(): Promise<void> {
    const marks = [
      ...this.backend.feeds().flatMap(({ options }) => ofFeed(options as unknown as FeedOptions)),
      this.#ofState(),
    ];
    const set = marks.filter(({ least }) => least.bytes > 0 || least.inodes > 0);
    for (const gate of this.#closed()) if (!set.some((mark) => isSame(mark.gate, gate))) await this.#open(gate);
    // A call on a dead mount would keep a thread of this process for ever.
    const stuck = stuckFeeds(this.backend);
    await Promise.all(set.filter(({ gate }) => !stuck.has(gate.feed)).map((mark) => this.#checkOne(mark)));
  }

  async #checkOne(mark: Watermark): Promise<void> {
    const name = JSON.stringify(mark.gate);
    if (this.#asked.has(name)) return;
    this.#asked.add(name);
    // A place that fails has a gate of its own.
    const free = await freeOf(mark.path).catch(() => undefined);
    this.#asked.delete(name);
    if (free === undefined) return;
    const closed = this.#closed().find((gate) => isSame(gate, mark.gate));
    const low = whatIsLow(mark, free, closed ? AGAIN : 1);
    if (mark.gate.place === 'state') this.stateIsLow = low !== undefined;
    if (low !== undefined && (closed?.code !== low.code || closed.reason !== low.reason)) {
      await this.backend.transact((tx) => {
        if (closed?.code !== low.code) tx.openGate(mark.gate);
        tx.closeGate({ ...mark.gate, ...low });
      });
      this.emit('gate_closed', { feed: mark.gate.feed, stage: mark.gate.stage, place: mark.gate.place, ...low });
    }
    if (low === undefined && closed !== undefined) await this.#open(closed);
  }

  #closed(): Gate[] {
    return this.backend.gates().filter(({ cause }) => cause === 'watermark');
  }

  #ofState(): Watermark {
    return {
      gate: { feed: '*', stage: '*', cause: 'watermark', place: 'state' },
      path: dirname(this.service.statePath),
      least: { bytes: this.service.stateMinFreeBytes, inodes: 0 },
      names: { ...OF_FEED, bytes: '--state-min-free-bytes' },
    };
  }

  async #open(gate: Gate): Promise<void> {
    if (!(await this.backend.transact((tx) => tx.openGate(gate)))) return;
    const seconds = Math.round((Date.now() - gate.sinceMs) / 1_000);
    this.emit('gate_opened', { feed: gate.feed, place: gate.place, code: gate.code, closed_seconds: seconds });
  }
}

const OF_FEED = { bytes: '--min-free-bytes', inodes: '--min-free-inodes' };

function ofFeed(feed: FeedOptions): Watermark[] {
  const mark = (stage: StageName, place: 'warehouse' | 'manifests'): Watermark => ({
    gate: { feed: feed.name, stage, cause: 'watermark', place },
    path: feed[place],
    least: { bytes: feed.minFreeBytes, inodes: feed.minFreeInodes },
    names: OF_FEED,
  });
  return [mark('move', 'warehouse'), mark('manifest', 'manifests')];
}

async function freeOf(path: string): Promise<Free> {
  const { bavail, bsize, ffree, files } = await statfs(path);
  return { bytes: bavail * bsize, inodes: files === 0 ? Number.POSITIVE_INFINITY : ffree };
}

/** Undefined: there is enough of both. The reason has no figure that changes while the place stays low: views show what is free. */
function whatIsLow(
  { path, least, names }: Watermark,
  free: Free,
  times: number,
): { code: string; reason: string } | undefined {
  if (free.bytes < least.bytes * times)
    return {
      code: LOW_SPACE,
      reason: `the filesystem of ${path} has come below ${names.bytes} ${shownBytes(least.bytes)}`,
    };
  if (free.inodes < least.inodes * times)
    return {
      code: LOW_INODES,
      reason: `the filesystem of ${path} has come below ${names.inodes} ${least.inodes}`,
    };
  return undefined;
}

const isSame = (a: GateName, b: GateName): boolean =>
  a.feed === b.feed && a.stage === b.stage && a.cause === b.cause && a.place === b.place;
