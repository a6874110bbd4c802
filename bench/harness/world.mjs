/** The fresh directories of one run. All on one filesystem, save the warehouse of a run across two. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const worlds = new Set();

export class World {
  constructor(root, { across } = {}) {
    this.base = mkdtempSync(join(root, 'ingest-bench-'));
    this.far = across === undefined ? undefined : mkdtempSync(join(across, 'ingest-bench-'));
    this.input = this.folder('in');
    this.upload = this.folder('upload');
    this.manifests = this.folder('manifests');
    this.state = this.folder('state');
    this.warehouse = this.far ?? this.folder('warehouse');
    this.log = join(this.base, 'log');
    worlds.add(this);
  }

  /** What was written so far is on disk: nobody pays for another's dirty pages. */
  settle() {
    execFileSync('sync', ['-f', this.base]);
    if (this.far) execFileSync('sync', ['-f', this.far]);
  }

  remove() {
    for (const folder of [this.base, this.far]) if (folder) rmSync(folder, { recursive: true, force: true });
    worlds.delete(this);
  }

  /** One more. */
  folder(name) {
    const folder = join(this.base, name);
    mkdirSync(folder, { recursive: true });
    return folder;
  }
}

/** Runs `act` in a world of its own, which is removed however that ends. */
export async function inWorld(options, act, where = {}) {
  const world = new World(options.root, where);
  try {
    return await act(world);
  } finally {
    world.remove();
  }
}

process.on('exit', () => {
  for (const world of worlds) world.remove();
});
