/**
 * The columns of a csv: the index of each, and the objects that a module gets. A function compiled once per header makes these
 * objects: an object literal with all keys is several times as fast as an object that is filled key by key.
 */
import type { Decode } from './text.js';

export type Read = (bytes: string) => unknown;

type Maker = (fields: readonly string[]) => Record<string, unknown>;

/** The compiler is slow for literals with more keys. */
const LITERAL_MAX = 1_000;

export class Columns {
  readonly index = new Map<string, number>();
  /** Reads a column whose type a `check` declares. Without one the column is text. */
  reads: readonly Read[] = [];
  /** True if an object lists the names in another order: it has those that are integers first. */
  readonly isReordered: boolean;
  #make: Maker | undefined;

  constructor(readonly names: readonly string[]) {
    names.forEach((name, at) => void this.index.set(name, at));
    const listed = Object.keys(Object.fromEntries(this.index));
    this.isReordered = listed.some((name, at) => name !== names[at]);
  }

  /** A column name that occurs twice. */
  get twice(): string | undefined {
    return this.index.size === this.names.length
      ? undefined
      : this.names.find((name, at) => this.index.get(name) !== at);
  }

  /** Decides how objects are made from now on. */
  read(decode: Decode, typed: ReadonlyMap<string, Read>): void {
    this.reads = this.names.map((name) => typed.get(name) ?? decode);
    this.#make = undefined;
  }

  object(fields: readonly string[]): Record<string, unknown> {
    this.#make ??= this.names.length <= LITERAL_MAX ? compiled(this) : filled(this);
    return this.#make(fields);
  }
}

function compiled({ names, reads }: Columns): Maker {
  // A computed key, because a plain `__proto__` would set the prototype.
  const keys = names.map((name, at) => `[${JSON.stringify(name)}]: read${at}(fields[${at}])`);
  const source = `const [${names.map((_, at) => `read${at}`)}] = reads; return (fields) => ({ ${keys.join(', ')} });`;
  return new Function('reads', source)(reads) as Maker;
}

const filled =
  ({ names, reads }: Columns): Maker =>
  (fields) =>
    Object.fromEntries(names.map((name, at) => [name, reads[at]!(fields[at]!)]));
