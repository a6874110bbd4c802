/**
 * Notices: findings about the surroundings of a feed that stop no stage, so they are no gates: a directory has no watch,
 * the input is missing. Readers of the state see a notice while the process that wrote it lives.
 * Guarantees: a lasting trouble is written once. Does not: log; the events of the watcher do.
 */
import type { Backend, OwnerId, Reader } from '../../../queue/backend.js';

export interface Notice {
  feed: string;
  code: NoticeCode;
  /** The path, where one code may have several; else ''. */
  what: string;
  /** A sentence. */
  reason: string;
  /** Wall-clock ms. */
  sinceMs: number;
  owner: OwnerId;
}

export type NoticeCode = 'watch_limit' | 'no_inotify' | 'input_missing' | 'directory_failed' | 'link_moved';

/** The next step for an operator. */
export const ADVICE: Record<NoticeCode, string> = {
  watch_limit:
    'at the limit, raise fs.inotify.max_user_watches; at another error, see what refuses a watch (SELinux, seccomp)',
  no_inotify: 'raise fs.inotify.max_user_instances',
  input_missing: 'mount it, or correct its permissions',
  directory_failed: 'correct its permissions, or see its disk',
  link_moved: 'restart the service, or let the symlink lead back',
};

export type NoticeKey = Pick<Notice, 'feed' | 'code' | 'what'>;

const NOTE = `INSERT INTO notices VALUES (?, ?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET reason = excluded.reason, owner = excluded.owner,
    since_ms = CASE owner WHEN excluded.owner THEN since_ms ELSE excluded.since_ms END`;
const TAKE_BACK = 'DELETE FROM notices WHERE feed = ? AND code = ? AND what = ?';

export const note = (backend: Backend, { feed, code, what }: NoticeKey, reason: string): Promise<unknown> =>
  backend.transact((tx) => tx.run(NOTE, feed, code, what, reason, tx.wallMs, backend.owner));

export const takeBack = (backend: Backend, { feed, code, what }: NoticeKey): Promise<unknown> =>
  backend.transact((tx) => tx.run(TAKE_BACK, feed, code, what));

/** Notices of dead processes are left out. */
export function notices(view: Pick<Backend, 'read' | 'isAlive'>): Notice[] {
  const all = view.read((rows: Reader) =>
    rows.all<Notice>(
      'SELECT feed, code, what, reason, since_ms AS sinceMs, owner FROM notices ORDER BY feed, code, what',
    ),
  );
  return all.filter(({ owner }) => view.isAlive(owner));
}
