/** A TypeScript program on the watcher's package. It is compiled only: .ci/artefacts-npm and npm test do so. */
import { once } from 'node:events';
import {
  type Change,
  type ChangeLog,
  createChangeLog,
  createWatcher,
  type FileKind,
  profiles,
  type ScanCause,
  type WatchEvent,
  type Watcher,
  type WatcherError,
  type WatcherOperation,
} from 'atomic-ingestor-watcher';
import {
  MirrorError,
  type Mirroring,
  type MirrorOptions,
  planReplica,
  replicate,
} from 'atomic-ingestor-watcher/mirror';

/** As a program has them: a list that it does not change, and a variable that may be absent. */
const IGNORED: readonly string[] = ['node_modules'];
const REPORTED = new Set<FileKind>(['file', 'directory', 'symlink']);

export async function watch(path: string, signal: AbortSignal): Promise<string[]> {
  const known = new Set<WatcherOperation>();
  const watcher: Watcher = createWatcher({
    ...profiles.development,
    ignore: IGNORED,
    signal,
    statePath: process.env.STATE,
  });
  watcher.on('error', ({ op, code }: WatcherError) => console.error(op, code));
  // @ts-expect-error: no event has this name.
  watcher.on('evnet', () => {});
  // @ts-expect-error: and no operation this one.
  watcher.on('recovered', ({ op }) => console.error(op === 'wach'));
  watcher.once('error', ({ op }) => known.add(op)).off('event', console.log);
  void once(watcher, 'scan').then(() => console.log('scanned'));
  watcher.on('overflow', ({ root, reason }) => console.error(root, reason));
  const causes = new Set<ScanCause>();
  watcher.on('scan', ({ cause }) => causes.add(cause));
  await watcher.watch(path);
  const seen: string[] = [];
  for await (const event of watcher.events()) if (REPORTED.has(event.kind)) seen.push(shown(event));
  return seen;
}

const shown = ({ operation, kind, path, pathBytes, renameId }: WatchEvent): string =>
  [operation, kind, path, pathBytes.length, renameId ?? ''].join(' ');

export async function changes(path: string): Promise<readonly Change[]> {
  const log: ChangeLog = await createChangeLog({ path });
  const { seq } = await log.register('consumer');
  return log.since(seq, { limit: 10 });
}

export async function mirror(options: MirrorOptions): Promise<number> {
  try {
    await planReplica(options, ({ act, path, bytes }) => console.log(act, path, bytes));
    const running: Mirroring = await replicate({
      ...options,
      once: true,
      exclude: IGNORED,
      changeLog: process.env.LOG,
    });
    const { totals, unmirrored } = await running.done;
    for (const { path, code } of unmirrored) console.error(path, code);
    return totals.copied + running.status().behind;
  } catch (error) {
    if (error instanceof MirrorError) console.error(error.code, error.message);
    throw error;
  }
}
