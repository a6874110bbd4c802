/** ingest-producer: finds files and enqueues them; its feeds are recorded in the state for the workers. */
import { configOf } from '../base/config/load.js';
import { askedFor } from './ask.js';
import { notifierOf } from './ingest.js';
import { runChildren } from './run-children.js';
import { knownRoots, prepareStateFor } from './state.js';

export async function ingestProducer(argv: readonly string[]): Promise<number> {
  const invocation = askedFor('ingest-producer', argv);
  if (!invocation) return 0;
  const config = configOf(invocation, process.env, await knownRoots(invocation));
  await prepareStateFor(config.feeds, config.service.statePath);
  const ended = await runChildren('ingest-producer', config, [{ role: 'producer', stages: [] }, ...notifierOf(config)]);
  return ended.exitCode;
}
