/**
 * The daemons, each with its children.
 * ingest: producer and workers together, for one or many feeds.
 * ingest-producer: finds files and enqueues them; its feeds are recorded in the state for the workers.
 * ingest-worker: runs stages of a queue whose feeds it learns from the state.
 * ingest-dashboard: the dashboard alone, beside daemons or without any.
 */
import { configOf, dashboardConfigOf, workerConfigOf } from '../base/config/load.js';
import type { Config } from '../base/config/options.js';
import { parseWorkers } from '../base/config/schema.js';
import { type IngestStage, STAGE_NAMES } from '../base/config/values/stage-names.js';
import { EXIT, OperatorError } from '../base/errors.js';
import type { Named, OnceDone } from '../base/process/protocol.js';
import { safeText } from '../base/telemetry/safe.js';
import { reasonOf } from '../ingest/stages/reasons.js';
import { untoldFindings } from '../service/status/untold.js';
import type { ChildSpec } from '../service/supervise/supervised.js';
import { askedFor } from './ask.js';
import { awayFolders } from './away-folders.js';
import { printNote } from './console.js';
import { beginParentLog, runChildren } from './run-children.js';
import { prepareStateFor, refuseUnusableState, stateFor, stateToCome, withStateAt } from './state.js';

export async function ingest(argv: readonly string[]): Promise<number> {
  const invocation = askedFor('ingest', argv);
  if (!invocation) return 0;
  const { once, 'dry-run': isDry } = invocation.service;
  const config = configOf(invocation, process.env, await awayFolders(invocation, !once && !isDry));
  // Loaded where it is needed: the parents of all daemons load this file, and live long.
  if (config.service.dryRun) return (await import('./dry-run.js')).dryRun(config);
  await prepareStateFor(config.feeds, config.service.statePath);
  const ended = await runChildren('ingest', config, [
    { role: 'producer', stages: [] },
    ...workersOf(config),
    ...(config.service.dashboard === undefined ? [] : [{ role: 'dashboard' as const, stages: [] }]),
    ...notifierOf(config),
  ]);
  if (ended.once) {
    printLeftovers(ended.once);
    await printUntold(config);
  } else if (ended.exitCode === EXIT.unfinished)
    printNote('ingest: it was stopped before all files were done; the next run goes on.');
  return ended.exitCode;
}

export async function ingestProducer(argv: readonly string[]): Promise<number> {
  const invocation = askedFor('ingest-producer', argv);
  if (!invocation) return 0;
  const config = configOf(invocation, process.env, await awayFolders(invocation, true));
  await prepareStateFor(config.feeds, config.service.statePath);
  const ended = await runChildren('ingest-producer', config, [{ role: 'producer', stages: [] }, ...notifierOf(config)]);
  return ended.exitCode;
}

export async function ingestWorker(argv: readonly string[]): Promise<number> {
  const invocation = askedFor('ingest-worker', argv);
  if (!invocation) return 0;
  const config = workerConfigOf(invocation, process.env);
  const children = childrenOf(invocation.service.stage);
  beginParentLog(config);
  await stateToCome(config.service.statePath);
  const ended = await runChildren('ingest-worker', config, children);
  return ended.exitCode;
}

export async function ingestDashboard(argv: readonly string[]): Promise<number> {
  const invocation = askedFor('ingest-dashboard', argv);
  if (!invocation) return 0;
  const config = dashboardConfigOf(invocation, process.env);
  refuseUnusableState(await stateFor(invocation));
  const ended = await runChildren('ingest-dashboard', config, [{ role: 'dashboard', stages: [] }]);
  return ended.exitCode;
}

const workersOf = ({ service }: Config): ChildSpec[] =>
  Object.entries(service.workers ?? { all: 1 }).flatMap(([name, count]) => processes(count, stagesOf(name)));

/** By --stage of a worker. */
function childrenOf(stages: readonly string[]): ChildSpec[] {
  if (stages.length === 0) return processes(1, stagesOf('all'));
  const counts = new Map<string, number>();
  for (const [stage, count] of stages.flatMap((entry) => Object.entries(parseWorkers(entry)!))) {
    if (counts.has(stage)) {
      throw new OperatorError(
        'option_twice',
        `--stage must name each stage once, but ${stage} is there twice; write ${stage}=N for N processes of it.`,
      );
    }
    counts.set(stage, count);
  }
  return [...counts].flatMap(([stage, count]) => processes(count, stagesOf(stage)));
}

/** `name`: one stage, or `all`. */
const stagesOf = (name: string): IngestStage[] => (name === 'all' ? [...STAGE_NAMES] : [name as IngestStage]);

const notifierOf = ({ service }: Config): ChildSpec[] =>
  service.notify === undefined ? [] : [{ role: 'notifier', stages: [] }];

const processes = (count: number, stages: IngestStage[]): ChildSpec[] =>
  Array.from({ length: count }, () => ({ role: 'worker', stages }));

/** Names the contents that other hosts do not know of yet: the next run may be a day away. */
async function printUntold({ feeds, service }: Config): Promise<void> {
  if (feeds[0]?.sharedLedger === undefined) return;
  await withStateAt(service.statePath, (view) => {
    for (const { sentence, release } of untoldFindings(view, Date.now(), 0))
      printNote(`ingest: ${sentence} ${release}`);
  });
}

/** Names the files that --once ended without: an exit code alone does not say which files need a person. */
function printLeftovers({ held, open, withoutSidecar, partial, unread, twins, unpublished, others }: OnceDone): void {
  const list = (what: string, { count, names }: Named, one = 'file', many = 'files') => {
    if (count === 0) return;
    const more = count > names.length ? `, and ${count - names.length} more` : '';
    const which = names.length === 0 ? '' : `: ${names.map(safeText).join(', ')}${more}`;
    printNote(`ingest: ${count} ${count === 1 ? one : many} ${what}${which}`);
  };
  list('held (`ingest-ctl held` says why)', held);
  list('still open for writing, left in the input', open);
  list(
    'with an mtime of 0, as a cut rsync --partial leaves them (--partial-upload-seconds), left in the input',
    partial,
  );
  list('could not be looked at, and nothing below was taken', unread, 'path', 'paths');
  list('stored and not published: the bucket cannot be used (`queue-stat` says why)', unpublished);
  list('without a sidecar, left in the input', withoutSidecar);
  list(`${reasonOf('twin').short} that is held`, twins);
  list('on the way in feeds that this configuration does not have, left as they are', others);
}
