/**
 * What was done, a line of JSON a round: a run that was interrupted goes on where it was, and the report is made of it.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Violation } from './round.js';

export interface Entry {
  part: string;
  name: string;
  /** Where it was hit: a point a fault; null where the run had fewer calls. */
  points: (string | null)[];
  /** Calls that the run without a fault made after it. */
  recoveryCalls: number;
  retried: boolean;
  violations: Violation[];
}

export interface Head {
  seed: string;
  version: string;
  begun: string;
}

export class Journal {
  readonly entries: Entry[] = [];

  private constructor(
    readonly path: string,
    readonly head: Head,
  ) {}

  static begin(path: string, head: Head): Journal {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${JSON.stringify(head)}\n`);
    return new Journal(path, head);
  }

  /** Undefined where there is none. */
  static resume(path: string): Journal | undefined {
    if (!existsSync(path)) return undefined;
    // The last line may be torn: its round is done again.
    const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
    const journal = new Journal(path, JSON.parse(lines[0]!) as Head);
    journal.entries.push(...lines.slice(1).map((line) => JSON.parse(line) as Entry));
    writeFileSync(path, `${lines.join('\n')}\n`);
    return journal;
  }

  add(entry: Entry): void {
    this.entries.push(entry);
    appendFileSync(this.path, `${JSON.stringify(entry)}\n`);
  }
}
