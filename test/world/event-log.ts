/**
 * The log events of all programs of a world, in the order of their arrival, and waits for one of them.
 */
import type { LogEvent } from './program.js';
import { DEADLINE_MS, type Deadline } from './waiting.js';

export interface HeardEvent extends LogEvent {
  /** The pid of the program (the parent) whose log it was in. */
  heardFrom: number;
}

type Match = (event: HeardEvent) => unknown;

export class EventLog {
  readonly all: HeardEvent[] = [];
  readonly #listeners = new Set<(event: HeardEvent) => void>();

  push(event: HeardEvent): void {
    this.all.push(event);
    for (const listener of [...this.#listeners]) listener(event);
  }

  named(name: string): HeardEvent[] {
    return this.all.filter((event) => event.event === name);
  }

  /** The first event of that name that matches, either already logged (from `since` on) or later. */
  async first(
    name: string,
    match: Match = () => true,
    options: Deadline & { since?: number } = {},
  ): Promise<HeardEvent> {
    const fits = (event: HeardEvent) => event.event === name && Boolean(match(event));
    const heard = this.all.slice(options.since ?? 0).find(fits);
    if (heard) return heard;
    const withinMs = options.withinMs ?? DEADLINE_MS;
    return new Promise((resolve, reject) => {
      const listener = (event: HeardEvent) => fits(event) && end(() => resolve(event));
      const timer = setTimeout(() => {
        const others = this.named(name).length;
        const sentence = `waited ${withinMs} ms in vain for the event ${name} (${others} others of that name were heard)`;
        end(() => reject(new Error(sentence)));
      }, withinMs);
      const end = (settle: () => void) => {
        clearTimeout(timer);
        this.#listeners.delete(listener);
        settle();
      };
      this.#listeners.add(listener);
    });
  }
}
