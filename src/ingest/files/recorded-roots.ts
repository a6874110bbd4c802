/**
 * The roots as they were set up, for who only reads. A root that was not set up has no marker.
 * Does not: make anything.
 */
import type { QueueView } from '../../../queue/index.js';
import type { EnvironmentError } from '../../base/errors.js';
import { FeedFiles, isOfFiles, type Roots } from './feed-files.js';

/** A root of any feed. A retired feed keeps its own. */
interface RecordedRoot {
  feed: string;
  kind: string;
  path: string;
  marker: string | null;
}

const ROOTS = 'SELECT feed, kind, path, marker FROM roots';

export const allRoots = (state: Pick<QueueView, 'read'>): RecordedRoot[] =>
  state.read((r) => r.all<RecordedRoot>(`${ROOTS} ORDER BY feed, kind`));

export function recordedRoots(state: Pick<QueueView, 'read'>, feed: string): Roots {
  const rows = state.read((r) => r.all<RecordedRoot>(`${ROOTS} WHERE feed = ?`, feed));
  const of = (kind: string) => rows.find((row) => row.kind === kind);
  const path = (kind: string): string => of(kind)?.path ?? '';
  const marker = (kind: string): string | undefined => of(kind)?.marker ?? undefined;
  return {
    input: path('input'),
    work: path('work'),
    manifests: path('manifests'),
    warehouse: path('warehouse'),
    markers: { work: marker('work'), manifests: marker('manifests'), warehouse: marker('warehouse') },
  };
}

/** Runs `act` on the roots of a feed. `refused` gives the error for one that cannot be read. */
export async function withFiles<T>(
  state: Pick<QueueView, 'read'>,
  feed: string,
  act: (files: FeedFiles) => T | Promise<T>,
  refused: (why: string) => EnvironmentError,
): Promise<T> {
  const files = new FeedFiles(recordedRoots(state, feed));
  try {
    return await act(files);
  } catch (error) {
    throw isOfFiles(error) ? refused(error.message) : error;
  } finally {
    files.close();
  }
}
