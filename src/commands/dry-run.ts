/** `ingest --dry-run`: says what would be done with each file, and changes nothing at all. */
import type { Config } from '../config/options.js';

export async function dryRun(_config: Config): Promise<number> {
  throw new Error('not written yet');
}
