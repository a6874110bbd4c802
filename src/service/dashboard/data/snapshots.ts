/**
 * One snapshot of the state for all requests within a second: a hundred pages cost the database as much as one.
 * Guarantees: each read is a short transaction of its own, over before anything is sent; nothing is read while nobody asks.
 */
import type { QueueView } from '../../../../queue/index.js';
import type { FeedOptions } from '../../../base/config/options.js';
import { pasteable, type Shell } from '../../../base/config/paste.js';
import { urlOf } from '../../../ingest/sharing/check.js';
import { liesAtOf } from '../../../ingest/upkeep/lies-at.js';
import { SharedDatabase } from '../../../shared-ledger/database.js';
import { FreeSpace } from '../../figures/free-space.js';
import { feedLines } from '../../status/feed-lines.js';
import { toHeldJob } from '../../status/held-list.js';
import { type HostsReport, lookAtHosts } from '../../status/hosts.js';
import { lookAt, type Report } from '../../status/report.js';
import { retrying } from '../held/errors.js';
import { limits } from './limits.js';
import { inFlight, lastEnded } from './trace.js';

export type Snapshot = ReturnType<typeof snapshotOf> & { hosts: HostsReport | undefined };

export class Snapshots {
  /** For tests and metrics: how often the database was asked. */
  count = 0;
  #last: { atMs: number; snapshot: Snapshot; json: string } | undefined;

  constructor(
    private readonly view: QueueView,
    private readonly statePath: string,
    private readonly shell: Shell,
    private readonly now: () => number = () => performance.now(),
    private readonly space = new FreeSpace(view, statePath),
    private readonly hosts = hostsReader(view),
  ) {}

  /** At most `snapshotEveryMs` old. */
  take(): { snapshot: Snapshot; json: string } {
    const atMs = this.now();
    // A timer is early by a millisecond now and then.
    if (this.#last !== undefined && atMs - this.#last.atMs < limits.snapshotEveryMs - 50) return this.#last;
    this.count++;
    const snapshot = this.#read();
    this.#last = { atMs, snapshot, json: JSON.stringify(snapshot) };
    return this.#last;
  }

  /** After a change: the operator who made it wants to see it. */
  forget(): void {
    this.#last = undefined;
  }

  #read(): Snapshot {
    const { view, statePath, space } = this;
    // Its answers are those of the next snapshot.
    space.ask(limits.freeSpaceEveryMs).catch(() => {});
    const report = lookAt(view, statePath, { places: space.places });
    return pasteable({ ...snapshotOf(view, report), hosts: this.hosts() }, this.shell);
  }
}

/** Everything that the page shows. */
function snapshotOf(view: QueueView, report: Report) {
  const liesAt = liesAtOf(view);
  return {
    at: new Date().toISOString(),
    ...report,
    /** The names of all stages, in the order of the pipeline. */
    order: view.stages,
    /** The feeds, the worst first. */
    lines: feedLines(report),
    feeds: view.feeds().map(({ name, options }) => {
      const { input, warehouse, manifests, mode } = options as unknown as FeedOptions;
      return { name, input, warehouse, manifests, mode };
    }),
    /** Files in progress and the largest claimed ones; and the files that ended last. */
    in_flight: inFlight(view, limits.traceDefault),
    last: lastEnded(view, limits.traceDefault),
    /** Failures that are tried again by themselves. */
    retrying: retrying(view),
    /** The first of them; the rest page by page from /errors. */
    held: view.held({ limit: limits.heldDefault }).map((job) => toHeldJob(job, liesAt(job))),
  };
}

/**
 * The report of the hosts that share a ledger: asked while somebody looks, once every few seconds at most. Nobody waits for a ledger
 * that does not answer: the newest report is given until the next one has come. It is undefined where no feed shares, and before the
 * first one has come.
 */
function hostsReader(view: Pick<QueueView, 'feeds'>): () => HostsReport | undefined {
  let shared: { url: string; database: SharedDatabase } | undefined;
  let last: HostsReport | undefined;
  let dueMs = 0;
  const ask = async (url: string): Promise<void> => {
    dueMs = Number.POSITIVE_INFINITY;
    if (shared?.url !== url) {
      // The producer was started with another address. A connection to the former one that cannot be closed is of no use either.
      void shared?.database.close().catch(() => {});
      shared = { url, database: new SharedDatabase(url) };
    }
    last = await lookAtHosts(shared.database);
    dueMs = performance.now() + limits.hostsEveryMs;
  };
  return () => {
    const url = urlOf(view);
    if (url !== undefined && performance.now() >= dueMs) void ask(url);
    return last;
  };
}
