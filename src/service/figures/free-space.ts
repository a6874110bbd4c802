/**
 * The free space of every place of a state: input, work directory, manifests and warehouse of each feed, and the state's own folder.
 * Guarantees: a place that hangs holds up nobody: it is asked once at a time and its answer is waited for only so long; while
 * it does not answer it has no figure.
 */
import { stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { QueueView } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import { errnoOf } from '../../files/place-error.js';

/** How long the answer of a place is waited for. */
export const ANSWER_MS = 2_000;

export interface PlaceReport {
  feed: string;
  place: string;
  path: string;
  /** The error that the place gives; null where it answers, or does not answer at all. */
  error: string | null;
  /** Free bytes for an ordinary user; null without an answer, as the two below. */
  free_bytes: number | null;
  /** The size of the whole filesystem. */
  size_bytes: number | null;
  /** Null also where the filesystem does not count them. */
  free_inodes: number | null;
  /** Places with the same number lie on the same filesystem. */
  device: number | null;
  /** The watermark: with less than this free, the stage that fills the place stops. Null where there is none, or it is not known here. */
  min_free_bytes: number | null;
}

type Place = Pick<PlaceReport, 'feed' | 'place' | 'path' | 'min_free_bytes'>;
type Figures = Omit<PlaceReport, keyof Place>;

export class FreeSpace {
  #places: PlaceReport[] = [];
  #askedMs = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;
  readonly #asked = new Set<string>();

  constructor(
    private readonly view: QueueView,
    private readonly statePath: string,
    /** The state's own watermark, where this process knows it. */
    private readonly stateMinFreeBytes: number | undefined = undefined,
  ) {}

  /** As they answered last. */
  get places(): readonly PlaceReport[] {
    return this.#places;
  }

  /** A call on a place has not returned yet: Node's own exit waits for it. */
  get hangs(): boolean {
    return this.#asked.size > 0;
  }

  /** Asks again where the last answers are older than `olderMs`. Resolves within `ANSWER_MS`, whatever hangs. */
  async ask(olderMs = 0): Promise<readonly PlaceReport[]> {
    if (performance.now() - this.#askedMs > olderMs) {
      this.#asking ??= this.#ask().finally(() => {
        this.#asking = undefined;
      });
    }
    await this.#asking;
    return this.#places;
  }

  async #ask(): Promise<void> {
    const places = this.#known();
    const paths = [...new Set(places.map(({ path }) => path))];
    const answers = new Map(await Promise.all(paths.map(async (path) => [path, await this.#askOne(path)] as const)));
    this.#places = places.map((place) => ({ ...place, ...answers.get(place.path)! }));
    this.#askedMs = performance.now();
  }

  #known(): Place[] {
    const roots = this.view.read((rows) =>
      rows.all<Place>('SELECT feed, kind AS place, path FROM roots ORDER BY feed, kind'),
    );
    const feeds = this.view.feeds();
    const marks = new Map(feeds.map(({ name, options }) => [name, (options as unknown as FeedOptions).minFreeBytes]));
    const markOf = ({ feed, place }: Place) => (MARKED.includes(place) ? marks.get(feed) || null : null);
    const state = { feed: '*', place: 'state', path: dirname(this.statePath) };
    return [
      // A retired feed keeps its roots in the table.
      ...roots.flatMap((root) => (marks.has(root.feed) ? { ...root, min_free_bytes: markOf(root) } : [])),
      { ...state, min_free_bytes: this.stateMinFreeBytes || null },
    ];
  }

  async #askOne(path: string): Promise<Figures> {
    // A call that hangs keeps one of the threads of the pool: never a second one for the same path.
    if (this.#asked.has(path)) return NONE;
    this.#asked.add(path);
    const answer = figuresOf(path)
      .catch((error: unknown) => ({ ...NONE, error: errnoOf(error) ?? 'unknown' }))
      .finally(() => this.#asked.delete(path));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Figures>((resolve) => {
      timer = setTimeout(resolve, ANSWER_MS, NONE);
    });
    return Promise.race([answer, late]).finally(() => clearTimeout(timer));
  }
}

const NONE: Figures = { error: null, free_bytes: null, size_bytes: null, free_inodes: null, device: null };

/** The places of a feed that have a watermark (src/ingest/health/watermarks.ts). */
const MARKED: readonly string[] = ['warehouse', 'manifests'];

async function figuresOf(path: string): Promise<Figures> {
  const { bavail, blocks, bsize, files, ffree } = await statfs(path);
  const { dev } = await stat(path);
  return {
    error: null,
    free_bytes: bavail * bsize,
    size_bytes: blocks * bsize,
    device: dev,
    free_inodes: files === 0 ? null : ffree,
  };
}
