/**
 * The directories of scenes: two filesystems in memory, because the order of calls is tested, not the disk.
 * Without root: shared memory and the temporary directory, if these are two filesystems.
 */
import { accessSync, constants, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tmpfsMount, unmount } from '../world/mounts.js';
import type { Grounds } from './scene.js';

export interface OpenGrounds extends Grounds {
  /** Library and control files. */
  tools: string;
  crossed: boolean;
  close(): void;
}

export function openGrounds(): OpenGrounds {
  const folder = mkdtempSync(join(tmpdir(), 'ingest-crash-'));
  const made = process.geteuid?.() === 0 ? mounted(folder) : unmounted(folder);
  const crossed = statSync(made.near).dev !== statSync(made.far).dev;
  return { ...made, tools: folder, crossed };
}

function mounted(folder: string): Grounds & { close(): void } {
  const [near, far] = [join(folder, 'near'), join(folder, 'far')];
  for (const place of [near, far]) tmpfsMount(place, { size: '512m' });
  const close = () => {
    for (const place of [far, near]) unmount(place);
    rmSync(folder, { recursive: true, force: true });
  };
  return { near, far, close };
}

function unmounted(folder: string): Grounds & { close(): void } {
  const near = isWritable('/dev/shm') ? mkdtempSync('/dev/shm/ingest-crash-') : join(folder, 'near');
  const far = join(folder, 'far');
  for (const place of [near, far]) mkdirSync(place, { recursive: true });
  const close = () => {
    for (const place of [near, folder]) rmSync(place, { recursive: true, force: true });
  };
  return { near, far, close };
}

function isWritable(place: string): boolean {
  try {
    accessSync(place, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
