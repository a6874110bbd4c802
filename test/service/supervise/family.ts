/** A supervisor with real children in a folder of its own, and functions that wait for events of them. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Config } from '../../../src/base/config/options.js';
import type { Fields } from '../../../src/base/telemetry/emit.js';
import type { ChildSpec } from '../../../src/service/supervise/supervised.js';
import { Supervisor } from '../../../src/service/supervise/supervisor.js';
import { PLAIN_SHELL } from '../../world/shell.js';
import { DEADLINE_MS } from '../../world/waiting.js';

export const childOf = (name: string): string => fileURLToPath(new URL(`./children/${name}.js`, import.meta.url));

/** A producer and two workers. */
export const TWO_WORKERS: ChildSpec[] = [
  { role: 'producer', stages: [] },
  { role: 'worker', stages: ['hash'] },
  { role: 'worker', stages: ['move'] },
];

export function configIn(folder: string, stallSeconds: number): Config {
  return {
    feeds: [],
    service: {
      statePath: join(folder, 'state.db'),
      logLevel: 'info',
      concurrency: 1,
      workers: undefined,
      maxAttempts: 8,
      maxBytesPerSecond: 0,
      stallSeconds,
      stateMinFreeBytes: 0,
      keepHistoryMs: undefined,
      metricsIntervalSeconds: 10,
      once: false,
      dryRun: false,
      trace: false,
      dashboard: undefined,
      notify: undefined,
      shell: PLAIN_SHELL,
    },
  };
}

export function tempFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'supervise-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Each life of each role, in the order of their beginning. */
export function livesIn(folder: string): { role: string; pid: number }[] {
  const path = join(folder, 'lives');
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  return lines.map((line) => ({ role: line.split(' ')[0]!, pid: Number(line.split(' ')[1]) }));
}

/** A zombie counts as dead, also before it is reaped. */
export function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

export class Family {
  readonly folder: string;
  readonly supervisor: Supervisor;
  readonly events: { event: string; fields: Fields }[] = [];
  #waiting: (() => void)[] = [];

  constructor(t: TestContext, child: string, stallSeconds = 600) {
    this.folder = tempFolder(t);
    this.supervisor = new Supervisor({
      children: TWO_WORKERS,
      config: configIn(this.folder, stallSeconds),
      logs: 'json',
      childModule: childOf(child),
      emit: (event, fields = {}) => {
        this.events.push({ event, fields });
        for (const look of this.#waiting) look();
      },
    });
    t.after(async () => {
      this.supervisor.stop();
      await this.supervisor.done;
    });
  }

  of(event: string): Fields[] {
    return this.events.filter((e) => e.event === event).map((e) => e.fields);
  }

  /** Waits until `count` events of that name were emitted. */
  async told(event: string, count = 1): Promise<Fields[]> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(
        () => reject(new Error(`no ${count} × ${event} within ${DEADLINE_MS} ms: ${JSON.stringify(this.events)}`)),
        DEADLINE_MS,
      );
      const look = () => {
        if (this.of(event).length < count) return;
        clearTimeout(late);
        this.#waiting = this.#waiting.filter((other) => other !== look);
        resolve(this.of(event));
      };
      this.#waiting.push(look);
      look();
    });
  }

  pidsOf(role: string): number[] {
    return livesIn(this.folder)
      .filter((life) => life.role === role)
      .map(({ pid }) => pid);
  }
}
