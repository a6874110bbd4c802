/** ingest-worker: runs stages of a queue whose feeds it learns from the state. */
import { workerConfigOf } from '../base/config/load.js';
import { parseWorkers } from '../base/config/schema.js';
import { OperatorError } from '../base/errors.js';
import type { ChildSpec } from '../service/supervise/supervised.js';
import { askedFor } from './ask.js';
import { processes, stagesOf } from './ingest.js';
import { beginParentLog, runChildren } from './run-children.js';
import { stateToCome } from './state.js';

export async function ingestWorker(argv: readonly string[]): Promise<number> {
  const invocation = askedFor('ingest-worker', argv);
  if (!invocation) return 0;
  const config = workerConfigOf(invocation, process.env);
  const children = childrenOf(invocation.service.stage);
  beginParentLog(config);
  await stateToCome('ingest-worker', config.service.statePath);
  const ended = await runChildren('ingest-worker', config, children);
  return ended.exitCode;
}

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
