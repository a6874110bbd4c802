/**
 * The small scenario of the kill and error matrices: three feeds that together take every branch.
 * `near`: stability, on the input's filesystem: twins in flight, a collision, nested directories, a name that needs a folder
 * in underprocess/, a file with two links (private copy), a directory that stands in the way of a target (retry).
 * `far`: sidecars, warehouse on another filesystem: checked, mismatched (held), empty.
 * `made`: a chain: two outputs of one file, its twin, a file that is split into one alone.
 * A second batch comes in the next hour of the wall clock, with a twin of a stored content. Before it is taken, one content is
 * withdrawn and the first hour's history is pruned (whole-verbs.ts).
 */
import { linkSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { configOf } from '../../src/base/config/load.js';
import type { Config } from '../../src/base/config/options.js';
import { askedFor } from '../../src/commands/ask.js';
import { BY_COUNTRY, orders } from '../world/chains.js';
import { sha256 } from '../world/dropping.js';
import { World } from '../world/world.js';

/** The wall clock of each run begins here; the second batch is an hour later. */
const BEGIN_MS = Date.UTC(2030, 0, 2, 3, 40);
const HOUR_MS = 3_600_000;
const DAY = 'ingest_date=2030-01-02';

/** Its sidecar has the checksum of another content, so it is held. */
export const MISMATCHED = 'bad.csv';

/** Two directories, on different filesystems where that is possible. */
export interface Grounds {
  near: string;
  far: string;
}

export class Scene {
  readonly world: World;
  /** A directory on another filesystem than the world's, if there is one. */
  readonly far: string;
  readonly crossed: boolean;
  /** The order of a run. */
  readonly config: Config;
  readonly #obstacle: string;

  readonly #again: Buffer;
  readonly #wrong: Buffer;
  /** SHA-256 of the content that is withdrawn. */
  readonly withdrawn: string;

  constructor(seed: string, { near: ground, far }: Grounds) {
    this.far = mkdtempSync(join(far, 'ingest-far-'));
    const quick = { poll: true, quietMs: 100 };
    this.world = new World({
      seed,
      ground,
      feeds: {
        near: { options: { ...quick, stabilitySeconds: 0.5 } },
        made: { options: { ...quick, stabilitySeconds: 0.5, process: BY_COUNTRY } },
        far: { warehouse: join(this.far, 'warehouse'), options: { ...quick, mode: 'sidecar', preserveSubdirs: true } },
      },
    });
    this.#again = this.world.content(3_000);
    this.#wrong = this.world.content(200);
    this.withdrawn = sha256(this.#wrong);
    this.world.withdrawn.add(this.withdrawn);
    this.crossed = statSync(this.far).dev !== statSync(this.world.root).dev;
    this.config = configOf(askedFor('ingest', this.world.flags('ingest'), {})!, {});
    this.#obstacle = join(this.world.feed('far').warehouse, DAY, 'sub');
  }

  /** The directories in which runs count calls. */
  get roots(): string[] {
    return [this.world.root, this.far];
  }

  first(): void {
    const near = { feed: 'near' };
    const { world } = this;
    const a = this.#again;
    world.drop('a.csv', a, near);
    world.drop('twin-of-a.csv', a, near);
    world.drop('x/same.csv', this.#wrong, near);
    world.drop('y/same.csv', 300, near);
    world.drop('deep/er/c.csv', 1, near);
    world.drop(`${'l'.repeat(246)}.csv`, 90_000, near);
    world.drop('linked.csv', 2_000, near);
    linkSync(join(world.feed('near').input, 'linked.csv'), join(world.root, 'a-link-of-the-uploader'));
    this.#checked('good.csv', 1_000);
    this.#checked('sub/below.csv', 70_000);
    this.#orders('orders.csv', 'a', ['DE', 'FR']);
    this.#orders('twin-of-orders.csv', 'a', ['DE', 'FR']);
    const bad = world.drop(MISMATCHED, 500, { feed: 'far' });
    world.held.add(bad.sha256);
    world.sidecar(MISMATCHED, `${sha256('something else')}\n`, { feed: 'far' });
    // A file in place of the target's directory: its move fails until somebody takes the file away.
    mkdirSync(join(this.#obstacle, '..'), { recursive: true });
    writeFileSync(this.#obstacle, 'in the way');
    world.bystander('warehouse', `${DAY}/sub`, 'far');
  }

  second(): void {
    const near = { feed: 'near' };
    rmSync(this.#obstacle, { force: true });
    this.world.bystanders.length = 0;
    this.world.drop('late.csv', 4_000, near);
    this.world.drop('again.csv', this.#again, near);
    this.#checked('late.csv', 10);
    this.#orders('later-orders.csv', 'b', ['DE']);
  }

  /** Files in the warehouse whose sidecar demands another checksum. */
  unchecked(): string[] {
    const stored = this.world.warehouse('far').filter(({ sha256: digest }) => this.world.held.has(digest));
    return stored.map(({ path }) => `${path} is stored, and its sidecar demands something else`);
  }

  #orders(name: string, mark: string, countries: readonly string[]): void {
    const { text, made } = orders(mark, 6, countries);
    this.world.made.set(this.world.drop(name, text, { feed: 'made' }).sha256, made);
  }

  #checked(name: string, bytes: number): void {
    const { sha256: digest } = this.world.drop(name, bytes, { feed: 'far' });
    this.world.sidecar(name, `${digest}  ${name}\n`, { feed: 'far' });
  }

  wallNs(hours: 0 | 1): number {
    return (BEGIN_MS + hours * HOUR_MS - Date.now()) * 1e6;
  }

  async end(): Promise<void> {
    await this.world.end();
    rmSync(this.far, { recursive: true, force: true });
  }
}
