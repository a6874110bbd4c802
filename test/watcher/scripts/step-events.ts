/**
 * Compares the events of a step with what the step expects.
 */

import { shown } from './acts.js';
import type { Heard, Reader } from './reader.js';
import { named, type Step } from './script.js';

export class StepEvents {
  readonly #events: Heard[];
  readonly #said: Record<string, unknown[]>;

  constructor({ events, said }: Pick<Reader, 'events' | 'said'>) {
    this.#events = events;
    this.#said = said;
  }

  /** Sentences; none if all is correct. */
  wrong(step: Step): string[] {
    return [
      ...this.#wrongPaths(step),
      ...this.#wrongOrder(step.order.map(asLine)),
      ...Object.entries(step.puts).flatMap(([path, [least, most]]) =>
        outside(`puts of ${path}`, this.#of(asName(path), 'put').length, least, most),
      ),
      ...Object.entries(step.renamed).flatMap(([to, from]) => this.#wrongRename(asName(from), asName(to))),
      ...this.#events
        .filter(({ cause }) => step.causes !== undefined && !step.causes.includes(cause))
        .map(({ operation, path, cause }) => `${operation} ${path} has the cause ${cause}`),
      ...Object.entries(step.says).flatMap(([event, [least, most]]) =>
        outside(`times '${event}'`, this.#said[event]?.length ?? 0, least, most),
      ),
    ];
  }

  #wrongPaths({ events, may }: Step): string[] {
    const wanted = byPath(events.map(asLine));
    const optional = new Set(may.map(asLine));
    const heard = byPath(this.#events.map(lineOf).filter((line) => !optional.has(line)));
    return [...new Set([...wanted.keys(), ...heard.keys()])].flatMap((path) => {
      const [should, is] = [wanted, heard].map((lines) => (lines.get(path) ?? ['nothing']).join(', '));
      return should === is ? [] : [`should be: ${should}; is: ${is}`];
    });
  }

  #wrongOrder(order: string[]): string[] {
    const at = order.map((line) => this.#events.findIndex((heard) => lineOf(heard) === line));
    return at.every((place, n) => place >= 0 && place >= (at[n - 1] ?? 0)) ? [] : [`not in order: ${order.join(', ')}`];
  }

  #wrongRename(from: string, to: string): string[] {
    const ids = [...this.#of(from, 'delete'), ...this.#of(to, 'put')].map(({ renameId }) => renameId);
    const [id] = ids.filter((one) => one !== undefined);
    const both = [this.#of(from, 'delete'), this.#of(to, 'put')];
    if (id === undefined || !both.every((half) => half.some(({ renameId }) => renameId === id)))
      return [`${from} -> ${to} has no id on both halves: ${ids.join()}`];
    const others = this.#events.filter(({ path, renameId }) => renameId === id && path !== from && path !== to);
    return others.map(({ path }) => `${path} has the id of ${from} -> ${to}`);
  }

  #of(path: string, operation: Heard['operation']): Heard[] {
    return this.#events.filter((heard) => heard.path === path && heard.operation === operation);
  }
}

const lineOf = ({ operation, kind, path }: Heard): string => `${operation} ${kind} ${path}`;
const asName = (path: string): string => shown(named(path));

/** `put file NAME`, with the name as in the events. */
function asLine(line: string): string {
  const [operation, kind, path] = line.split(' ');
  return `${operation} ${kind} ${asName(path!)}`;
}

/** In order, with repeated equal events left out. */
function byPath(lines: string[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const line of lines) {
    const path = line.slice(line.lastIndexOf(' ') + 1);
    const before = found.get(path) ?? [];
    if (before.at(-1) !== line) found.set(path, [...before, line]);
  }
  return found;
}

const outside = (what: string, count: number, least: number, most: number): string[] =>
  count >= least && count <= most ? [] : [`${count} ${what}, not ${least} to ${most}`];
