/**
 * The common part of the four parents: chooses the form of the log, runs the supervisor under signals, returns how it ended.
 * Does not: hold the state open; on a terminal its totals are read once, before there are children.
 */
import { existsSync } from 'node:fs';
import { isatty } from 'node:tty';
import type { Config } from '../base/config/options.js';
import { EnvironmentError } from '../base/errors.js';
import type { Progress as Report } from '../base/process/protocol.js';
import { emit } from '../base/telemetry/emit.js';
import type { Level } from '../base/telemetry/events.js';
import { beginLog } from '../base/telemetry/log.js';
import { processed } from '../base/telemetry/metrics.js';
import { Progress, type Work } from '../base/telemetry/progress.js';
import { safeText, shownBytes, shownSeconds } from '../base/telemetry/safe.js';
import { tellFatal } from '../base/telemetry/tell.js';
import { descriptorsMax } from '../linux/index.js';
import { ServiceManager } from '../service/supervise/service-manager.js';
import { runUnderSignals } from '../service/supervise/signals.js';
import type { ChildSpec } from '../service/supervise/supervised.js';
import { type Ended, Supervisor } from '../service/supervise/supervisor.js';
import { printNote, said } from './console.js';
import { withStateAt } from './state.js';

const STDERR = 2;

export async function runChildren(name: string, config: Config, children: ChildSpec[]): Promise<Ended> {
  refuseFewDescriptors(children.length);
  const onTerminal = beginParentLog(config);
  emit('state_path', { state_path: config.service.statePath });
  for (const { name: feed, input, warehouse } of config.feeds) emit('watching', { feed, input, warehouse });
  const { once } = config.service;
  const progress = new Progress(name);
  let start = onTerminal || once ? await totalsBefore(config.service.statePath) : undefined;
  let idle = start;
  let last: Report | undefined;
  const manager = new ServiceManager(process.env, emit);
  const supervisor = new Supervisor({
    children,
    config,
    logs: onTerminal ? 'lines' : 'json',
    emit,
    onReport: (message) => {
      if (message.kind !== 'progress') return;
      start ??= message;
      // A service has no end: what came since nothing was left is its work.
      if (idle === undefined || (!once && message.filesLeft === 0)) idle = message;
      last = message;
      progress.show(message.filesLeft > 0 ? workOf(message, idle) : doneSince(message, start));
    },
    onReady: () => manager.ready(),
    onEnding: () => manager.ending(),
  });
  process.title = `atomic-ingestor: ${name}`;
  const ended = await runUnderSignals(supervisor, emit);
  manager.close();
  progress.end();
  if (onTerminal && start && last) printNote(`${name}: ${summaryText(last, start, ended.once === undefined)}`);
  else emit('stopped', { exit_code: ended.exitCode });
  if (ended.reason !== undefined) tellFatal(said(`${name}: ${safeText(ended.reason)}`));
  return ended;
}

/** Returns whether a person watches. */
export function beginParentLog({ service }: Config): boolean {
  const onTerminal = isatty(STDERR);
  beginLog(onTerminal ? 'lines' : 'json', service.logLevel as Level, { role: 'parent' }, service.shell);
  return onTerminal;
}

/** A first report comes when files may be in already. Undefined: it cannot be read, and the children will say why. */
async function totalsBefore(statePath: string): Promise<Totals | undefined> {
  if (!existsSync(statePath)) return { filesDone: 0, bytesDone: 0 };
  try {
    const { files, bytes } = await withStateAt(statePath, processed);
    return { filesDone: files, bytesDone: bytes };
  } catch {
    return undefined;
  }
}

/** With fewer, a worker does not come through its start: it has some forty open when it is idle. A parent has three for each child. */
const DESCRIPTORS_MIN = 64;
const DESCRIPTORS_A_CHILD = 3;

function refuseFewDescriptors(children: number): void {
  const least = Math.max(DESCRIPTORS_MIN, DESCRIPTORS_MIN / 2 + children * DESCRIPTORS_A_CHILD);
  if (descriptorsMax() >= least) return;
  throw new EnvironmentError(
    'few_descriptors',
    `a process must be allowed at least ${least} open files, but this one may have ${descriptorsMax()}; raise the limit (ulimit -n ${least}, or LimitNOFILE= in the unit).`,
  );
}

type Totals = Pick<Report, 'filesDone' | 'bytesDone'>;

/**
 * How far `ingest` is: with --once until nothing is left, else until what came last is in. `since`: what was there before this run; totals
 * count from the making of the state.
 */
export function workOf(progress: Report, since: Totals): Work {
  const { filesLeft, bytesLeft, bytesRead, held, closed, waiting, largest } = progress;
  const [files, bytes] = [progress.filesDone - since.filesDone, progress.bytesDone - since.bytesDone];
  return {
    files,
    filesAll: files + filesLeft,
    bytes: bytes + bytesRead,
    bytesAll: bytes + bytesLeft,
    file: largest,
    more: [
      ...(held > 0 ? [`${held} held`] : []),
      ...closed.map(({ stage, code }) => `${stage} closed: ${code}`),
      // The name is last: a narrow terminal cuts the end off.
      ...(waiting && !largest ? [`${waitsFor(waiting)}: ${waiting.path}`] : []),
    ],
  };
}

/** For a moment at which nothing is left. */
const doneSince = ({ filesDone, bytesDone }: Report, since: Totals): Work => ({
  part: 'done so far',
  files: filesDone - since.filesDone,
  bytes: bytesDone - since.bytesDone,
});

/** The last words of a run on a terminal. `stopped`: before it was done, so what is left is worth a word. */
export function summaryText(progress: Report, since: Totals, stopped: boolean): string {
  const files = progress.filesDone - since.filesDone;
  const held = progress.held > 0 ? `, ${progress.held} held` : '';
  const waits = progress.waits === '' ? '' : ` (${progress.waits})`;
  const left =
    stopped && progress.filesLeft > 0 ? `; ${progress.filesLeft} under way${waits}, the next start goes on` : '';
  return `${files} ${files === 1 ? 'file' : 'files'} (${shownBytes(progress.bytesDone - since.bytesDone)}) ingested or skipped as duplicates${held}${left}.`;
}

function waitsFor({ writer, seconds }: NonNullable<Report['waiting']>): string {
  if (writer === 'growing') return 'still growing';
  return writer === 'open' ? 'still open for writing' : `complete in ${shownSeconds(seconds)} if it stays quiet`;
}
