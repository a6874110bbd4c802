/**
 * A reader that waits for `_SUCCESS`, in this process: every few ms it reads all hours and partitions, and removes each
 * marker that it finds.
 * Guarantees: reports each marker that existed while a line of its hour or day had no file, that came before one of its
 * hours, or that came a second time; and each hour that got a line after its marker.
 */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Feed } from './layout.js';

const EVERY_MS = 5;

interface Line {
  ingest_id: string;
  warehouse_path: string;
}

export class MarkerReader {
  /** Folders below the manifests or the warehouse, in the order of their markers. */
  readonly seen: string[] = [];
  /** Sentences. */
  readonly wrong: string[] = [];
  looks = 0;
  readonly #lines = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;

  constructor(readonly feed: Pick<Feed, 'manifests' | 'warehouse'>) {
    this.#timer = setInterval(() => this.look(), EVERY_MS);
  }

  look(): void {
    this.looks++;
    this.#lookAt(this.#hours());
    for (const day of readdirSync(this.feed.warehouse).filter((name) => name.startsWith('ingest_date='))) {
      if (!this.#takes(join(this.feed.warehouse, day), day)) continue;
      const hours = this.#hours().filter((hour) => `ingest_date=${hour.slice(0, 10).replaceAll('/', '-')}` === day);
      // The last hour may have come since then.
      this.#lookAt(hours);
      this.#judge(day, hours);
      for (const hour of hours) if (!this.seen.includes(hour)) this.wrong.push(`${day} came before ${hour}`);
    }
  }

  #lookAt(hours: readonly string[]): void {
    for (const hour of hours) if (this.#takes(join(this.feed.manifests, hour), hour)) this.#judge(hour, [hour]);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Reads for the last time; returns everything that was wrong. */
  end(): string[] {
    this.stop();
    this.look();
    for (const [hour, lines] of this.#lines) {
      const now = this.#linesOf(hour, 'manifest').length;
      if (now !== lines) this.wrong.push(`${hour} had ${lines} lines when its marker came, and has ${now}`);
    }
    return this.wrong;
  }

  #takes(folder: string, name: string): boolean {
    const marker = join(folder, '_SUCCESS');
    if (!existsSync(marker)) return false;
    if (this.seen.includes(name)) this.wrong.push(`${name} was marked twice`);
    this.seen.push(name);
    rmSync(marker);
    return true;
  }

  #judge(name: string, hours: readonly string[]): void {
    for (const hour of hours) {
      const lines = this.#linesOf(hour, 'manifest');
      if (name === hour) this.#lines.set(hour, lines.length);
      const withdrawn = new Set(this.#linesOf(hour, 'corrections').map(({ ingest_id }) => ingest_id));
      for (const { ingest_id, warehouse_path } of lines)
        if (!withdrawn.has(ingest_id) && !existsSync(warehouse_path))
          this.wrong.push(`${name} is marked, and ${warehouse_path} is not there`);
    }
  }

  #hours(): string[] {
    const folders = readdirSync(this.feed.manifests, { recursive: true, encoding: 'utf8' });
    return folders.filter((path) => /^\d{4}\/\d\d\/\d\d\/\d\d$/.test(path));
  }

  #linesOf(hour: string, kind: string): Line[] {
    const path = join(this.feed.manifests, hour, `${kind}.jsonl`);
    const whole = existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
    return whole.map((line) => JSON.parse(line) as Line);
  }
}
