/**
 * The last operations and events of a run, to debug a failure.
 */
import { type ByteName, nameOfBytes, nameOfText } from '../../../src/linux/names.js';
import { type Line, nowMs } from './taker.js';

const KEPT = 4_000;
const SHOWN = 24;

interface Entry {
  atMs: number;
  text: string;
  paths: ByteName[];
  id?: string;
}

export class Log {
  #entries: Entry[] = [];

  constructor(private readonly root: string) {}

  act({ act, paths }: { act: string; paths: Buffer[] }): void {
    if (paths.length === 0) return;
    const names = paths.map((path) => nameOfBytes(path).slice(nameOfText(this.root).length + 1) as ByteName);
    this.#add({ atMs: nowMs(), text: `     ${act} ${names.join(' ')}`, paths: names });
  }

  line(line: Line): void {
    if ('said' in line) {
      this.#add({ atMs: line.atMs, text: `  >> ${line.said} ${line.what}`, paths: [] });
      return;
    }
    if ('takes' in line) return;
    const { told, found, cause } = line;
    const { operation, path, kind, renameId } = told;
    const look =
      operation === 'put' ? `, found ${found ? `${found.kind} ${found.content.slice(0, 6)}` : 'nothing'}` : '';
    const text = `  -> ${operation} ${kind} ${path} (${cause}${renameId ? `, ${renameId}` : ''})${look}`;
    this.#add({ atMs: line.atMs, text, paths: [path], ...(renameId && { id: renameId }) });
  }

  /** Records what happens to the watcher. */
  step(text: string): void {
    this.#add({ atMs: nowMs(), text: `---- ${text}`, paths: [] });
  }

  /** The last acts on the path, on paths above and below it, and on the other halves of its renames. */
  near(path: ByteName): string {
    const entries = this.#entries.toSorted((a, b) => a.atMs - b.atMs);
    const isNear = (one: ByteName): boolean => one === path || one.startsWith(`${path}/`) || path.startsWith(`${one}/`);
    const ids = new Set(entries.filter(({ paths, id }) => id && paths.some(isNear)).map(({ id }) => id));
    const shown = entries.filter(({ paths, id }) => paths.length === 0 || (id && ids.has(id)) || paths.some(isNear));
    const from = entries[0]?.atMs ?? 0;
    return shown
      .slice(-SHOWN)
      .map(({ atMs, text }) => `${(atMs - from).toFixed(1).padStart(9)} ${text}`)
      .join('\n');
  }

  #add(entry: Entry): void {
    this.#entries.push(entry);
    if (this.#entries.length > 2 * KEPT) this.#entries = this.#entries.slice(-KEPT);
  }
}
