/**
 * The program that a parent spawns: a producer or a worker, as the first message says.
 * Does not: import a role before it is known which: a producer needs no stages, and nothing may open before life.ts
 * has made sure that this process dies with its parent.
 */
import type { RunRole } from '../base/process/context.js';
import type { Role } from '../base/process/protocol.js';
import { liveAsChild } from '../service/supervise/life.js';

const ROLES: Record<Role, () => Promise<RunRole>> = {
  producer: async () => (await import('../ingest/producer/run.js')).runProducer,
  dashboard: async () => (await import('../service/dashboard/run.js')).runDashboard,
  notifier: async () => (await import('../service/alarms/run.js')).runNotifier,
  worker: async () => (await import('../ingest/worker/run.js')).runWorker,
};

liveAsChild((role) => ROLES[role]());
