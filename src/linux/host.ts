/**
 * The system calls that the queue needs. `queue/` binds nothing itself and gets them from here.
 */
import type { Host } from '../../queue/backend.js';
import { bootMs, clockEpoch } from './boot.js';
import { Inotify } from './inotify.js';
import { IN_MODIFY, IN_Q_OVERFLOW } from './inotify-masks.js';
import { openLockFile } from './locks.js';

export const host = (): Host => ({ bootMs, clockEpoch, openLockFile, watchModified });

/** Does not keep the process alive. Errors: LinuxError (EMFILE, ENOSPC, ENOENT); the caller then polls instead. */
function watchModified(path: string, listener: () => void): () => void {
  const inotify = new Inotify(({ mask }) => mask & (IN_MODIFY | IN_Q_OVERFLOW) && listener(), { persistent: false });
  try {
    inotify.addWatch({ path, watch_for: IN_MODIFY });
  } catch (error) {
    inotify.close();
    throw error;
  }
  return () => inotify.close();
}
