/**
 * The files that a process has open and how far it is in each: the position of the descriptor, as /proc shows it. digest.ts sets it.
 * Does not: see the files of another user's process.
 */
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';

export interface OpenFile {
  path: string;
  at: number;
  descriptor: string;
}

/** `isWanted`: asked first, as most descriptors are no files of ours. */
export function* openFiles(pid: number | 'self', isWanted: (path: string) => boolean): Generator<OpenFile> {
  for (const fd of listed(`/proc/${pid}/fd`)) {
    const descriptor = `/proc/${pid}/fd/${fd}`;
    const path = orNone(() => readlinkSync(descriptor)) ?? '';
    if (!isWanted(path)) continue;
    const info = orNone(() => readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'latin1')) ?? '';
    const at = /^pos:\s+(\d+)/.exec(info)?.[1];
    if (at !== undefined) yield { path, at: Number(at), descriptor };
  }
}

/** The regular files below these folders that this process is reading, with their sizes. Paths are relative to their folder. */
export function readHere(folders: readonly string[]): { path: string; bytes: number; of: number }[] {
  const folderOf = (path: string) => folders.find((folder) => path.startsWith(`${folder}/`));
  return [...openFiles('self', (path) => folderOf(path) !== undefined)].flatMap(({ path, at, descriptor }) => {
    const stat = at === 0 ? undefined : orNone(() => statSync(descriptor));
    return stat?.isFile() ? [{ path: path.slice(folderOf(path)!.length + 1), bytes: at, of: stat.size }] : [];
  });
}

export const listed = (directory: string): string[] => orNone(() => readdirSync(directory)) ?? [];

/** A process ends, or closes its file, at any moment; another user's process cannot be read. */
export function orNone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
