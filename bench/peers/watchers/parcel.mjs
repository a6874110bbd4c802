/** @parcel/watcher, its inotify backend. */
import parcel from '@parcel/watcher';
import { Quiet } from './quiet.mjs';

export async function watch({ root }, hooks) {
  const quiet = new Quiet();
  const { unsubscribe } = await parcel.subscribe(
    root,
    (error, events) => {
      quiet.heard();
      if (error) {
        hooks.onOverflow(error.message);
        return;
      }
      for (const { type, path } of events)
        hooks.onEvent({ path: Buffer.from(path), operation: type === 'delete' ? 'delete' : 'put' });
    },
    { backend: 'inotify' },
  );
  return { quiet: () => quiet.now(), stop: unsubscribe };
}
