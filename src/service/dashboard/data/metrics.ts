/**
 * The state as Prometheus reads it (prom-client). Counters come from the database, so they are exact through crashes and
 * the same from whichever process asks; nothing is counted here.
 * Source of the conventions: prometheus.io/docs/practices/naming (base units, _total).
 */
import { Counter, Gauge, type Metric, Registry } from 'prom-client';
import type { QueueView } from '../../../../queue/index.js';
import { type ChainCounts, chainCounts } from '../../../ingest/chains/counts.js';
import { LOG } from '../../../ingest/health/heartbeats.js';
import { notices } from '../../../ingest/health/notices.js';
import { sharingHost, untold } from '../../../ingest/ledger/host.js';
import { PRODUCER, partsOf } from '../../../ingest/ledger/services.js';
import { inotifyOf } from '../../../tools/doctor/inotify.js';
import type { FreeSpace, PlaceReport } from '../../figures/free-space.js';
import { stageDurations, wayDurations } from './durations.js';
import type { Snapshot } from './snapshots.js';

/** Endings that settle a file's way. */
const ENDINGS = ['stored', 'duplicate', 'discarded', 'withdrawn', 'drop'];
/** An ending is counted under its own name too, and *stored* where the ledger says it: ingest_files_total has them. */
const OUTCOMES = ['advance', 'back', 'defer', 'wait', 'retry', 'hold', 'finish', 'drop'];
const STATES = ['ready', 'deferred', 'claimed', 'waiting', 'held'] as const;

/** prom-client calls it as a method of the metric, at each scrape. */
const filledAnew = <M extends { reset(): void }>(fill: (metric: M) => void) =>
  function collect(this: M): void {
    this.reset();
    fill(this);
  };

export class Metrics {
  readonly registry = new Registry();
  #snapshot: Snapshot | undefined;

  constructor(
    private readonly view: QueueView,
    private readonly space: FreeSpace,
  ) {
    this.#counters();
    this.#gauges();
    this.#service();
    for (const durations of [stageDurations(view), wayDurations(view)])
      this.registry.registerMetric(durations as unknown as Metric<string>);
  }

  /** In the text format. `snapshot` is the shared one. */
  async text(snapshot: Snapshot): Promise<string> {
    this.#snapshot = snapshot;
    await this.space.ask();
    return this.registry.metrics();
  }

  #counter(name: string, help: string, labelNames: string[], fill: (metric: Counter<string>) => void): void {
    new Counter({ name, help, labelNames, registers: [this.registry], collect: filledAnew(fill) });
  }

  #gauge(name: string, help: string, labelNames: string[], fill: (metric: Gauge<string>) => void): void {
    new Gauge({ name, help, labelNames, registers: [this.registry], collect: filledAnew(fill) });
  }

  #counters(): void {
    const { view } = this;
    const endings = () => view.counters().filter(({ name }) => ENDINGS.includes(name));
    const outcomeOf = (name: string) => (name === 'drop' ? 'dropped' : name);
    // From the first scrape on: an increase from nothing to one is seen by nobody.
    const atZero = (metric: Counter<string>) => {
      for (const { name: feed } of view.feeds())
        for (const outcome of ENDINGS.map(outcomeOf)) metric.inc({ feed, outcome }, 0);
    };
    this.#counter('ingest_files_total', 'Files that are done, by how they ended.', ['feed', 'outcome'], (metric) => {
      atZero(metric);
      for (const { feed, name, files } of endings()) metric.inc({ feed, outcome: outcomeOf(name) }, files);
    });
    this.#counter('ingest_bytes_total', 'Their bytes.', ['feed', 'outcome'], (metric) => {
      atZero(metric);
      for (const { feed, name, bytes } of endings()) metric.inc({ feed, outcome: outcomeOf(name) }, bytes);
    });
    this.#counter(
      'ingest_stage_outcomes_total',
      'What stages said of jobs: advance, defer, wait, retry, hold, finish, drop.',
      ['feed', 'stage', 'outcome'],
      (metric) => {
        for (const { feed, stage, name, files } of view.counters())
          if (OUTCOMES.includes(name) && view.stages.includes(stage)) metric.inc({ feed, stage, outcome: name }, files);
      },
    );
    this.#chains();
    this.#counter('ingest_inotify_overflows_total', 'Times that the kernel dropped events.', ['feed'], (metric) => {
      for (const { name: feed } of view.feeds()) metric.inc({ feed }, 0);
      for (const { feed, name, files } of view.counters()) if (name === 'overflow') metric.inc({ feed }, files);
    });
    this.#counter(
      'ingest_log_lines_lost_total',
      'Lines of the log that nobody read while the reader of stderr stood still, or that a full disk did not take.',
      [],
      (metric) => {
        metric.inc(0);
        for (const { stage, files } of view.counters()) if (stage === LOG) metric.inc(files);
      },
    );
    this.#counter(
      'ingest_processes_lost_total',
      'Processes that died without closing the state.',
      ['how'],
      (metric) => {
        for (const how of ['lost', 'stalled']) metric.inc({ how }, 0);
        for (const { stage, name, files } of view.counters()) if (stage === 'owners') metric.inc({ how: name }, files);
      },
    );
  }

  /** Only feeds that have a chain, or had one, have these. */
  #chains(): void {
    const counter = (name: string, help: string, amount: (of: ChainCounts) => number): void =>
      this.#counter(name, help, ['feed'], (metric) => {
        for (const { name: feed, options } of this.view.feeds())
          if (options.process !== undefined) metric.inc({ feed }, 0);
        for (const [feed, counts] of chainCounts(this.view.counters())) metric.inc({ feed }, amount(counts));
      });
    counter('ingest_records_total', 'Records of files that came through the chain.', ({ records }) => records);
    counter('ingest_records_rejected_total', 'Of them in the output reject.', ({ rejected }) => rejected);
    counter('ingest_outputs_total', 'Outputs that chains made.', ({ outputs }) => outputs);
    counter('ingest_output_bytes_total', 'Their bytes.', ({ outputBytes }) => outputBytes);
  }

  #gauges(): void {
    const { view, space } = this;
    const stages = () => this.#snapshot?.stages ?? [];
    this.#gauge('ingest_jobs', 'Files that are known and not done.', ['feed', 'stage', 'state'], (metric) => {
      for (const one of stages())
        for (const state of STATES) metric.set({ feed: one.feed, stage: one.stage, state }, one[state]);
    });
    this.#gauge('ingest_queue_bytes', 'Their bytes.', ['feed', 'stage'], (metric) => {
      for (const { feed, stage, bytes } of stages()) metric.set({ feed, stage }, bytes);
    });
    this.#gauge('ingest_oldest_age_seconds', 'Age of the oldest of them.', ['feed', 'stage'], (metric) => {
      for (const one of stages()) metric.set({ feed: one.feed, stage: one.stage }, one.oldest_age_seconds);
    });
    this.#gauge(
      'ingest_waiting_files',
      'Files on their way that nobody works on, by why they wait; at 10,000 of one reason at least so many.',
      ['feed', 'reason', 'who'],
      (metric) => {
        for (const { feed, reason, who, files } of this.#snapshot?.waits ?? [])
          metric.set({ feed, reason, who }, files);
      },
    );
    this.#gauge('ingest_held_files', 'Files that wait for a person.', ['feed', 'stage', 'code'], (metric) => {
      for (const { feed, stage, code, jobs } of view.heldFor()) metric.set({ feed, stage, code }, jobs);
    });
    this.#gauge(
      'ingest_gate_closed',
      '1 for each closed gate.',
      ['feed', 'stage', 'cause', 'place', 'code'],
      (metric) => {
        for (const { feed, stage, cause, place, code } of this.#snapshot?.gates ?? [])
          metric.set({ feed, stage, cause, place, code }, 1);
      },
    );
    this.#gauge('ingest_processes', 'Processes of the state.', ['title', 'condition'], (metric) => {
      for (const { title, condition } of this.#snapshot?.workers ?? []) metric.inc({ title, condition });
    });
    this.#gauge('ingest_findings', 'What is wrong: see /stats.', ['severity', 'code'], (metric) => {
      for (const { severity, code } of this.#snapshot?.findings ?? []) metric.inc({ severity, code });
    });
    this.#gauge('ingest_notice', '1 for each trouble that closes no gate.', ['feed', 'code'], (metric) => {
      for (const { feed, code } of notices(view)) metric.set({ feed, code }, 1);
    });
    this.#gauge('ingest_inotify_watches', 'Watches of the living producers.', [], (metric) => {
      const producers = (this.#snapshot?.workers ?? []).filter(
        ({ alive, title }) => alive && partsOf(title).includes(PRODUCER),
      );
      metric.set(inotifyOf(producers.map(({ pid }) => pid)).watches);
    });
    const place = (name: string, help: string, value: (of: PlaceReport) => number | null): void =>
      this.#gauge(name, help, ['feed', 'place', 'path'], (metric) => {
        for (const one of space.places) {
          const now = value(one);
          if (now !== null) metric.set({ feed: one.feed, place: one.place, path: one.path }, now);
        }
      });
    place('ingest_free_bytes', 'Free bytes for an ordinary user.', (one) => one.free_bytes);
    place('ingest_size_bytes', 'Size of the filesystem.', (one) => one.size_bytes);
    place('ingest_free_inodes', 'Free inodes.', (one) => one.free_inodes);
    place('ingest_min_free_bytes', 'The watermark: with less free, the stage stops.', (one) => one.min_free_bytes);
  }

  /** The page's figures of the service and of the backlog. */
  #service(): void {
    this.#gauge('ingest_build_info', '1; the version is the label.', ['version'], (metric) => {
      if (this.#snapshot) metric.set({ version: this.#snapshot.service.version }, 1);
    });
    this.#gauge(
      'ingest_untold_contents',
      'Contents that are stored here and not yet recorded in the shared ledger; 0 where hosts share none.',
      [],
      (metric) => {
        if (this.view.read(sharingHost)) metric.set(this.view.read(untold));
      },
    );
    this.#gauge('ingest_host_findings', 'What is wrong among hosts.', ['severity', 'code', 'host'], (metric) => {
      for (const { severity, code, what: host = '' } of this.#snapshot?.hosts?.findings ?? [])
        metric.inc({ severity, code, host });
    });
    this.#gauge('ingest_uptime_seconds', 'Since the service was started.', [], (metric) => {
      metric.set(this.#snapshot?.service.uptime_seconds ?? 0);
    });
    this.#gauge(
      'ingest_backlog_eta_seconds',
      'Until what waits is done, where that can be said.',
      ['feed'],
      (metric) => {
        for (const { feed, eta_seconds: eta } of this.#snapshot?.throughput ?? [])
          if (feed !== '*' && eta !== null) metric.set({ feed }, eta);
      },
    );
  }
}
