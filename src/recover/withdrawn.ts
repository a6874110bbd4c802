/**
 * Which lines of a manifest were taken back by `corrections.jsonl` beside it (rotated ones too).
 * Keeps one folder's corrections at a time: manifests are read folder by folder.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { linesOf } from '../manifest/read.js';

export class Withdrawn {
  #folder: string | undefined;
  #ids = new Set<string>();

  async has(folder: string, ingestId: string): Promise<boolean> {
    if (folder !== this.#folder) {
      this.#ids = await withdrawnIn(folder);
      this.#folder = folder;
    }
    return this.#ids.has(ingestId);
  }
}

async function withdrawnIn(folder: string): Promise<Set<string>> {
  const ids = new Set<string>();
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.startsWith('corrections') || !entry.name.includes('.jsonl')) continue;
    for await (const { record } of linesOf(join(folder, entry.name))) {
      if (record?.fields.correction === 'withdrawn') ids.add(record.ingestId);
    }
  }
  return ids;
}
