/** The work of the reaper's timer in a worker: here it runs at the beginning and at the end. */
import type { Backend } from '../../queue/backend.js';
import { errnoOf, PlaceError } from '../../src/files/place-error.js';
import { FeedFiles } from '../../src/ingest/files/feed-files.js';
import type { Feed } from '../../src/ingest/stages/stage.js';
import { adoptOrphans, redoAppends, removeTemporary } from '../../src/ingest/upkeep/reaper.js';

export async function reapAll(backend: Backend, feeds: ReadonlyMap<string, Feed>): Promise<void> {
  for (const [feed, { roots }] of feeds) {
    for (const act of [redoAppends, adoptOrphans, async (one: never) => removeTemporary(one)]) {
      const files = new FeedFiles(roots);
      try {
        await act({ backend, emit: tell, feed, files } as never);
      } catch (error) {
        if (!(error instanceof PlaceError) && errnoOf(error) === undefined) throw error;
      } finally {
        files.close();
      }
    }
  }
}

/** An event that reports a bug counts as a failure of the run. */
export function tell(event: string, fields?: Record<string, unknown>): void {
  process.stderr.write(`${JSON.stringify({ event, ...fields })}\n`);
}
