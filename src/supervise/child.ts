/**
 * The program that a parent spawns: a producer or a worker, as the first message says.
 * Does not: import a role before it is known which: a producer needs no stages, and nothing may open before life.ts
 * has made sure that this process dies with its parent.
 */
import type { RunRole } from './context.js';
import { liveAsChild } from './life.js';

const MODULES = {
  producer: ['../producer/run.js', 'runProducer'],
  worker: ['../stages/run.js', 'runWorker'],
} as const;

liveAsChild(async (role) => {
  const [path, name] = MODULES[role];
  const module = (await import(path)) as Record<string, RunRole>;
  return module[name]!;
});
