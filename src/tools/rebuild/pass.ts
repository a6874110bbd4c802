/** A pass over the manifests of all feeds, and how far it is, by the bytes of their files. */
import { statSync } from 'node:fs';
import type { FeedOptions } from '../../base/config/options.js';
import type { Work } from '../../base/telemetry/progress.js';
import { linesInBatches, manifestFiles, type ReadLine } from '../../ingest/manifest/read.js';

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

  /** Shows how far it is before each batch but the first, and at the end of the file. */
  async *linesOf(path: string, max: number): AsyncGenerator<ReadLine[]> {
    const { size } = statSync(path);
    let done = 0;
    for await (const lines of linesInBatches(path, max)) {
      if (done > 0) this.progress({ ...this.#work, bytes: this.#work.bytes + done });
      yield lines;
      const last = lines.at(-1)!;
      // The offsets are of unpacked bytes, of which a packed file has more than its size.
      done = Math.min(last.record ? last.endAt : last.at + last.bytes, size);
    }
    this.#work.files++;
    this.#work.bytes += size;
    this.progress({ ...this.#work });
  }
}
