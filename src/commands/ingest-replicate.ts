/** ingest-replicate SOURCE DEST: keeps DEST a mirror of SOURCE, until it is stopped or, with --once, is like it. */
import { constants } from 'node:os';
import { isatty } from 'node:tty';
import { inCamelCase } from '../base/config/options.js';
import type { Invocation } from '../base/config/read.js';
import { EXIT, OperatorError } from '../base/errors.js';
import { emit } from '../base/telemetry/emit.js';
import type { Level } from '../base/telemetry/events.js';
import { beginLog } from '../base/telemetry/log.js';
import { type FileInProgress, Progress, type Work } from '../base/telemetry/progress.js';
import { safeText, shownBytes } from '../base/telemetry/safe.js';
import { readHere } from '../files/open-files.js';
import {
  countSource,
  type Mirroring,
  type MirrorResult,
  type Passed,
  type PlannedAct,
  planReplica,
  type ReplicateOptions,
  realDirectories,
  replicate,
} from '../mirror/index.js';
import { onEnding } from '../service/supervise/signals.js';
import { askedFor } from './ask.js';
import { print, printNote } from './console.js';

const NAME = 'ingest-replicate';
const STATUS_MS = 250;
/** A run that is over before needs no count of what is to do. */
const COUNTED_AFTER_MS = 500;
const STDERR = 2;

export async function ingestReplicate(argv: readonly string[]): Promise<number> {
  const invocation = askedFor(NAME, argv);
  if (!invocation) return EXIT.done;
  const options = optionsOf(invocation);
  if (invocation.service['dry-run']) return dryRun(options);
  const onTerminal = isatty(STDERR);
  const level = invocation.service['log-level'] as Level;
  beginLog(onTerminal ? 'lines' : 'json', level, { role: 'replica' });
  const replicating = await replicate({ ...options, emit });
  emit('replicating', { source: options.source, dest: options.dest });
  process.title = `atomic-ingestor: ${NAME}`;
  const leave = underSignals(replicating);
  const hush = [
    logMetrics(replicating, invocation.service['metrics-interval-seconds']),
    ...(onTerminal || options.once ? [showProgress(replicating, options)] : []),
  ];
  const done = await replicating.done.finally(() => {
    for (const end of [...hush, leave]) end();
  });
  return ended(done, options);
}

function optionsOf(invocation: Invocation): ReplicateOptions {
  const [source, dest] = invocation.words;
  if (source === undefined || dest === undefined) {
    throw new OperatorError(
      'missing_word',
      `${NAME} needs SOURCE and DEST, but got ${source === undefined ? 'none' : 'only one'}; write ${NAME} SOURCE DEST.`,
    );
  }
  const [{ values }] = invocation.feeds as [Invocation['feeds'][number]];
  const [name] = invocation.feedsOfFile;
  if (name !== undefined) {
    throw new OperatorError(
      'bad_config_file',
      `--config of ${NAME} must name a file without feeds, but it has the feed ${name}; name another file, or give the options as flags.`,
    );
  }
  const scanSeconds = values['scan-interval-seconds'];
  return {
    ...realDirectories({ origin: 'SOURCE', path: source }, { origin: 'DEST', path: dest }),
    include: values.include,
    exclude: values.exclude,
    poll: values.poll,
    ...(scanSeconds === undefined ? {} : { scanEveryMs: scanSeconds * 1_000 }),
    ...inCamelCase(invocation.mirror),
    once: invocation.service.once,
  };
}

/** The first signal finishes the work in progress, the second one ends at once. Returns a function that stops listening. */
function underSignals(replicating: Mirroring): () => void {
  let received = 0;
  const onSignal = (signal: NodeJS.Signals) => {
    if (++received > 1) process.exit(128 + constants.signals[signal]);
    emit('draining', { signal });
    void replicating.stop();
  };
  return onEnding(onSignal);
}

function logMetrics(replicating: Mirroring, seconds: number): () => void {
  let last = replicating.status().totals;
  const metrics = setInterval(() => {
    const { totals, waiting, unmirrored, behind } = replicating.status();
    const bytesPerSecond = Math.round((totals.bytes - last.bytes) / seconds);
    emit('replica_metrics', {
      ...totals,
      bytes_per_second: bytesPerSecond,
      waiting: waiting ?? null,
      unmirrored,
      behind,
    });
    last = totals;
  }, seconds * 1_000);
  return () => clearInterval(metrics);
}

function showProgress(replicating: Mirroring, options: ReplicateOptions): () => void {
  const progress = new Progress(NAME, () => beingRead(options));
  let all: Passed | undefined;
  let isOver = false;
  const shown = setInterval(() => progress.show(workOf(replicating, options, all)), STATUS_MS);
  // A SOURCE that is away is the mirror's to say.
  const counted = setTimeout(async () => {
    all = options.once ? await countSource(options, () => isOver).catch(() => undefined) : undefined;
  }, COUNTED_AFTER_MS);
  return () => {
    isOver = true;
    clearInterval(shown);
    clearTimeout(counted);
    progress.end();
  };
}

/** --checksum reads a file on both sides, one after the other. */
function beingRead({ source, dest, checksum }: ReplicateOptions): FileInProgress[] {
  const there = new Map(checksum ? readHere([dest]).map(({ path, bytes }) => [path, bytes]) : []);
  return readHere([source]).map((file) => {
    const both = file.bytes + (there.get(file.path) ?? 0);
    return { ...file, bytes: checksum ? Math.floor(both / 2) : both };
  });
}

/** With --once of all files, else of those that were copied. */
function workOf(replicating: Mirroring, { once }: ReplicateOptions, all: Passed | undefined): Work {
  const { totals, waiting, unmirrored, behind } = replicating.status();
  const more = [
    ...(once ? [`${totals.copied} copied`] : [`${totals.files} looked at`]),
    ...(totals.removed > 0 ? [`${totals.removed} removed`] : []),
    ...(behind > 0 ? [`${behind} changes to look at`] : []),
    ...(unmirrored > 0 ? [`${unmirrored} not mirrored yet`] : []),
    ...(waiting === undefined ? [] : [`waits (${waiting})`]),
  ];
  if (!once) return { part: 'copied', files: totals.copied, bytes: totals.bytes, more };
  return { ...replicating.passed(), filesAll: all?.files, bytesAll: all?.bytes, more };
}

/** A mirror that was stopped is not unfinished: the next start goes on. */
function ended({ totals, unmirrored, unmirroredCount }: MirrorResult, { once }: ReplicateOptions): number {
  const { copied, bytes, made, moved, removed, touched } = totals;
  print(
    `${copied} copied (${shownBytes(bytes)}), ${made} directories made, ${moved} moved, ${removed} removed, ${touched} with other attributes only`,
  );
  for (const { path, code } of unmirrored)
    printNote(`${NAME}: ${safeText(path || 'SOURCE')} is not mirrored (${code})`);
  if (unmirroredCount > unmirrored.length) printNote(`${NAME}: and ${unmirroredCount - unmirrored.length} more`);
  return once && unmirroredCount > 0 ? EXIT.unfinished : EXIT.done;
}

async function dryRun(options: ReplicateOptions): Promise<number> {
  const counts = new Map<string, { names: number; bytes: number }>();
  await planReplica(options, ({ act, path, bytes, why }: PlannedAct) => {
    const count = counts.get(act) ?? { names: 0, bytes: 0 };
    counts.set(act, { names: count.names + 1, bytes: count.bytes + bytes });
    print(`${act.padEnd(10)} ${safeText(path)}  (${safeText(why)})`);
  });
  const sums = [...counts].map(
    ([act, { names, bytes }]) => `${act} ${names}${bytes > 0 ? ` (${shownBytes(bytes)})` : ''}`,
  );
  print(sums.length === 0 ? 'nothing to do' : sums.join(', '));
  return counts.has('fail') ? EXIT.unfinished : EXIT.done;
}
