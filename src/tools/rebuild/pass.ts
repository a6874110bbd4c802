/** How far a pass over the manifests of all feeds is, by the bytes of their files. */
import { statSync } from 'node:fs';
import type { FeedOptions } from '../../base/config/options.js';
import type { Work } from '../../base/telemetry/progress.js';
import { manifestFiles, type ReadLine } from '../../ingest/manifest/read.js';

export class Pass {
  readonly #work: Work & { bytesAll: number; filesAll: number };

  constructor(
    part: string,
    feeds: readonly FeedOptions[],
    private readonly progress: (work: Work) => void,
  ) {
    this.#work = { part, files: 0, filesAll: 0, bytes: 0, bytesAll: 0 };
    for (const { manifests } of feeds)
      for (const { path } of manifestFiles(manifests, 'manifest')) {
        this.#work.filesAll++;
        this.#work.bytesAll += statSync(path).size;
      }
  }

  /** `lines`: the last ones that were read. Their offsets are of unpacked bytes, of which a packed file has more than its size. */
  at(path: string, lines: readonly ReadLine[]): void {
    const last = lines.at(-1)!;
    const offset = last.record ? last.endAt : last.at + last.bytes;
    this.progress({ ...this.#work, bytes: this.#work.bytes + Math.min(offset, statSync(path).size) });
  }

  ended(path: string): void {
    this.#work.files++;
    this.#work.bytes += statSync(path).size;
    this.progress({ ...this.#work });
  }
}
