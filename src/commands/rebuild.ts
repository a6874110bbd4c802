/** ingest-ctl rebuild: makes a lost state anew from manifests, warehouse and work directory. */
import { configOf } from '../config/load.js';
import type { Config } from '../config/options.js';
import { askedFor } from './ask.js';
import { say } from './console.js';
import { prepareState } from './state.js';

/** Refuses where a state is there, or where another process acts for one. Tells what it found by `say`. */
type Rebuild = (config: Config, say: (line: string) => void) => Promise<number>;

const MODULE = '../recover/rebuild.js';

export async function rebuild(argv: readonly string[]): Promise<number> {
  const invocation = askedFor('rebuild', argv);
  if (!invocation) return 0;
  const config = configOf(invocation, process.env);
  const module = (await import(MODULE)) as { rebuild: Rebuild };
  prepareState(config.service.statePath);
  return module.rebuild(config, say);
}
