/**
 * Writes the watcher's findings about a feed into the state, as counters and notices.
 * Does not: log them; watcher-events.ts does.
 */
import type { Backend } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import { shownName } from '../../linux/index.js';
import type { EngineEvent } from '../../watcher/engine/index.js';
import { type NoticeCode, note, takeBack } from '../health/notices.js';

const noWatch = (path: string, code: string): string =>
  code === 'ENOSPC' ? `The limit of inotify watches is reached, at ${path}` : `${path} cannot be watched (${code})`;

/** Undefined where there is nothing to write. */
export function noteWatcherEvent(
  event: EngineEvent,
  { name: feed, input }: FeedOptions,
  backend: Backend,
): Promise<unknown> | undefined {
  const add = (code: NoticeCode, reason: string, what = '') => note(backend, { feed, code, what }, reason);
  const remove = (code: NoticeCode, what = '') => takeBack(backend, { feed, code, what });
  switch (event.event) {
    case 'overflow':
      return backend.transact((tx) => tx.count(feed, 'producer', 'overflow', 1, 0));
    case 'watch_limit':
      return add(
        'watch_limit',
        `${noWatch(`${input}/${shownName(event.path)}`, event.code)}: directories without a watch are scanned every few seconds.`,
      );
    case 'watch_limit_over':
      return remove('watch_limit');
    case 'polling':
      if (event.why !== 'no_inotify') return undefined;
      return add('no_inotify', `No inotify instance is available (${event.code}), so ${input} is only scanned.`);
    case 'events_back':
      return remove('no_inotify');
    case 'root_missing':
      return add('input_missing', `${input} cannot be read (${event.code}): nothing is found there until it is back.`);
    case 'root_back':
    case 'root_replaced':
      return remove('input_missing');
    case 'directory_failed': {
      const path = shownName(event.path);
      return add(
        'directory_failed',
        `${input}/${path} cannot be read (${event.code}): its files are not found until it can.`,
        path,
      );
    }
    case 'directory_back':
      return remove('directory_failed', shownName(event.path));
    default:
      return undefined;
  }
}
