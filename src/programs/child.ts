/**
 * The program that a parent spawns: a producer or a worker, as the first message says.
 * Does not: import a role before it is known which: a producer needs no stages, and nothing may open before life.ts
 * has made sure that this process dies with its parent.
 */
import type { RunRole } from '../supervise/context.js';
import { liveAsChild } from '../supervise/life.js';
import type { Role } from '../supervise/protocol.js';

const ROLES: Record<Role, () => Promise<RunRole>> = {
  producer: async () => (await import('../producer/run.js')).runProducer,
  dashboard: async () => (await import('../dashboard/run.js')).runDashboard,
  notifier: async () => (await import('../alarms/run.js')).runNotifier,
  worker: async () => (await import('../stages/run.js')).runWorker,
};

liveAsChild((role) => ROLES[role]());
