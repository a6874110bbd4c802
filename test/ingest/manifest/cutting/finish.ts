/**
 * A recovery that this product does not have: it cuts off what a crash left half written, forgets the intent, and plans the
 * lines again. It replaces src/ingest/manifest/finish.ts where a test must show that a reader notices the difference.
 */
import { closeSync, ftruncateSync } from 'node:fs';
import type { Backend } from '../../../../queue/backend.js';
import type { Emit } from '../../../../src/base/telemetry/emit.js';
import type { Directories } from '../../../../src/files/directories.js';
import { type Append, type Items, openManifest } from '../../../../src/ingest/manifest/append.js';
import * as real from '../../../../src/ingest/manifest/finish.js';
import { type ByteName, statFd } from '../../../../src/linux/index.js';

export { isOrphan, takeOver } from '../../../../src/ingest/manifest/finish.js';

const FORGET = `UPDATE contents SET target = NULL, hour = NULL, ingest_id = NULL, ingested_at_ms = NULL WHERE row = ?`;

export async function finishAppend(
  backend: Backend,
  emit: Emit,
  root: Directories,
  path: ByteName,
  append: Append,
): Promise<void> {
  const fd = openManifest(root, path);
  const isLeft = statFd(fd).size > append.at;
  if (isLeft) ftruncateSync(fd, append.at);
  closeSync(fd);
  if (!isLeft) return real.finishAppend(backend, emit, root, path, append);
  emit('manifest_cut', { file: append.file, at: append.at });
  await backend.transact((tx) => {
    tx.run('DELETE FROM appends WHERE id = ?', append.id);
    for (const row of (JSON.parse(append.items) as Items).rows) {
      tx.run(FORGET, row);
      tx.run('DELETE FROM names WHERE content = ?', row);
    }
  });
}
