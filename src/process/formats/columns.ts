/**
 * The columns of a csv: where each stands, and the objects that a module gets, made by a function that is compiled once a
 * header: an object literal with all of its keys is made several times as fast as one that is filled.
 */
import type { Decode } from './text.js';

export type Read = (bytes: string) => unknown;

type Maker = (fields: readonly string[]) => Record<string, unknown>;

/** The compiler takes long over literals of more keys. */
const LITERAL_MAX = 1_000;

export class Columns {
  readonly index = new Map<string, number>();
  /** What reads a column whose type a `check` declares, else it is text. */
  reads: readonly Read[] = [];
  #make: Maker | undefined;

  constructor(readonly names: readonly string[]) {
    names.forEach((name, at) => void this.index.set(name, at));
  }

  /** A name that is there twice. */
  get twice(): string | undefined {
    return this.index.size === this.names.length
      ? undefined
      : this.names.find((name, at) => this.index.get(name) !== at);
  }

  /** How the objects are made from now on. */
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
