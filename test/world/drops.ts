/**
 * Files that a test puts into a world, and the record of them that the oracle judges by.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ByteName } from '../../src/linux/names.js';
import {
  asName,
  contents,
  type DropOptions,
  type Dropped,
  drop,
  type Name,
  openWriter,
  type Writer,
} from './dropping.js';
import { Home, type WorldOptions } from './home.js';
import type { Feed } from './layout.js';
import type { Bystander, Expected } from './oracle.js';
import { look } from './tree.js';
import { giveOpen } from './users.js';

export class Drops extends Home {
  readonly dropped: Dropped[] = [];
  readonly bystanders: Bystander[] = [];
  readonly sidecars = new Set<ByteName>();
  /** Differences that the test permits: see `Expected`. */
  readonly taken = new Set<ByteName>();
  readonly held = new Set<string>();
  readonly discarded = new Set<string>();
  /** See Expected. */
  readonly generations = new Map<string, number>();
  readonly withdrawn = new Set<string>();
  readonly made = new Map<string, Readonly<Record<string, string>>>();
  /** Bytes that no other file of this world has. */
  readonly content: (bytes: number) => Buffer;

  constructor(options: WorldOptions) {
    super(options);
    this.content = contents(options.seed ?? process.env.SEED ?? this.root);
  }

  /** Puts a file into the input and records it. A number as content: this many bytes that no other file has. */
  drop(name: Name, content: Buffer | string | number, options: DropOptions = {}): Dropped {
    const bytes = typeof content === 'number' ? this.content(content) : Buffer.from(content);
    const feed = this.feed(options.feed);
    const { user } = this;
    const dropped = drop(feed.input, name, bytes, {
      ...options,
      feed: feed.name,
      ...(user && { own: (fd: number) => giveOpen(user, fd) }),
    });
    this.dropped.push(dropped);
    return dropped;
  }

  /** A file that is written in pieces; it counts as dropped after its `close`. */
  writer(name: Name, feed?: string): Writer {
    return openWriter(this.feed(feed).input, name, (dropped) => this.dropped.push(dropped), this.feed(feed).name);
  }

  sidecar(name: string, content = '', { suffix = '.ok', feed }: { suffix?: string; feed?: string } = {}): void {
    this.sidecars.add(asName(`${name}${suffix}`));
    writeFileSync(join(this.feed(feed).input, `${name}${suffix}`), content);
  }

  /** Records a file in an input or a warehouse that the ingestor must not change. */
  bystander(place: 'input' | 'warehouse', name: Name, feed?: string): void {
    const seen = look(this.feed(feed)[place], asName(name));
    assert(seen, `${name} is not in the ${place}`);
    this.bystanders.push({ feed: this.feed(feed).name, place, seen });
  }

  protected expected(feed: Feed, change: Partial<Expected>): Expected {
    const { dropped, sidecars, taken, held, discarded, generations, withdrawn, made } = this;
    const onDuplicate = (feed.options.onDuplicate ?? this.options.onDuplicate) === 'delete' ? 'delete' : 'archive';
    const bystanders = this.bystanders.filter((b) => b.feed === feed.name);
    const sets = { sidecars, taken, held, discarded, generations, withdrawn, made };
    return { dropped, bystanders, ...sets, onDuplicate, settled: true, ...change };
  }
}
