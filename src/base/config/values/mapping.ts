/**
 * A mapping of the YAML file whose values have keys of their own: each mistake is a sentence with the path of its keys.
 * Does not: know any key.
 */
import { OperatorError } from '../../errors.js';
import type { Kind } from './field.js';
import { suggestion } from './nearest.js';
import { kindOf } from './yaml.js';

export class Mapping {
  readonly #values: Record<string, unknown>;

  constructor(
    value: unknown,
    /** Its path in sentences: `feeds.orders.process`. */
    readonly path: string,
    /** The file that it stands in. */
    private readonly file: string,
  ) {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new OperatorError(
        'bad_value',
        `${path || 'the content'} in ${file} must be a mapping of keys to values, but is ${kindOf(value)}; write one "key: value" a line.`,
      );
    this.#values = value as Record<string, unknown>;
  }

  get keys(): string[] {
    return Object.keys(this.#values);
  }

  has(key: string): boolean {
    return this.#values[key] !== undefined && this.#values[key] !== null;
  }

  value(key: string): unknown {
    return this.#values[key] ?? undefined;
  }

  mapping(key: string): Mapping {
    return new Mapping(this.value(key) ?? {}, this.at(key), this.file);
  }

  /** Refuses each key that is not among them. */
  only(known: readonly string[]): void {
    const odd = this.keys.find((key) => !known.includes(key));
    if (odd === undefined) return;
    throw new OperatorError(
      'unknown_key',
      `${JSON.stringify(this.at(odd))} in ${this.file} is not a known key; ${suggestion(odd, known)}the keys there are ${known.join(', ')}.`,
    );
  }

  at(key: string): string {
    return this.path === '' ? key : `${this.path}.${key}`;
  }

  /** Undefined where it is not given. */
  text(key: string, rule = 'a text', accepts: (text: string) => boolean = (text) => text !== ''): string | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    if (typeof value !== 'string' || !accepts(value)) throw this.wrong(this.at(key), rule, value);
    return value;
  }

  /** Read as the value of an option is. */
  read<T>(key: string, kind: Kind<T>): T {
    const read = kind.safeParse(this.value(key));
    if (read.success) return read.data;
    throw this.wrong(this.at(key), kind.meta.rule, this.value(key));
  }

  /** A text that has to be given. */
  needed(key: string, rule: string, accepts?: (text: string) => boolean): string {
    const text = this.text(key, rule, accepts);
    if (text === undefined) throw this.wrong(this.at(key), rule, undefined);
    return text;
  }

  choice<T extends string>(key: string, values: readonly T[]): T {
    return this.needed(key, `one of ${values.join(', ')}`, (text) => values.includes(text as T)) as T;
  }

  texts(key: string): string[] | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    const isList = Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string');
    if (!isList) throw this.wrong(this.at(key), 'a list of texts', value, 'write [one, two]');
    const twice = value.find((item, at) => value.indexOf(item) !== at);
    if (twice !== undefined) throw this.wrong(this.at(key), 'a list in which each text is once', value);
    return value;
  }

  wrong(path: string, rule: string, value: unknown, next = 'correct it'): OperatorError {
    const got = (JSON.stringify(value) ?? 'nothing').slice(0, 200);
    return new OperatorError('bad_value', `${path} in ${this.file} must be ${rule}, but is ${got}; ${next}.`);
  }
}
