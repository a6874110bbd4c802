/**
 * From a command line to the `Config` of a daemon, every check done.
 * Guarantees: when it throws, nothing on disk was changed.
 */

import { dashboardOf } from './dashboard.js';
import { type AwayFolder, feedsOf, placesOf } from './feeds.js';
import { notifyOf } from './notify.js';
import { type Config, type FeedOptions, inCamelCase, type ServiceOptions } from './options.js';
import { anyShellOf } from './paste.js';
import type { Invocation } from './read.js';
import { parseWorkers } from './schema.js';
import { statePathOf } from './state-path.js';
import { refuseWithin } from './values/directories.js';
import { STAGE_NAMES, stagesUsed } from './values/stage-names.js';

const DASHBOARD_PORT = '8000';

export function configOf(invocation: Invocation, env: NodeJS.ProcessEnv, away: AwayFolder = () => undefined): Config {
  const feeds = feedsOf(invocation, away);
  const service = serviceOf(invocation, env, { feeds });
  // A state inside a folder that is ingested, or that a consumer empties, would not live long.
  const state = { origin: invocation.origin('state-path'), path: service.statePath };
  for (const place of placesOf(invocation, feeds)) refuseWithin(state, place);
  return { feeds, service };
}

/** A worker learns its feeds from the state; only the service's options count. */
export function workerConfigOf(invocation: Invocation, env: NodeJS.ProcessEnv): Config {
  return { feeds: [], service: serviceOf(invocation, env) };
}

/** The dashboard alone learns its feeds from the state too, and has an address of its own where none is given. */
export function dashboardConfigOf(invocation: Invocation, env: NodeJS.ProcessEnv): Config {
  return { feeds: [], service: serviceOf(invocation, env, { dashboard: DASHBOARD_PORT }) };
}

/** `dashboard`: its address where none is given. */
function serviceOf(
  invocation: Invocation,
  env: NodeJS.ProcessEnv,
  { feeds = [], dashboard }: { feeds?: readonly FeedOptions[]; dashboard?: string } = {},
): ServiceOptions {
  const { keepHistory: keepHistoryMs, workers, ...asGiven } = inCamelCase(invocation.service);
  return {
    ...asGiven,
    keepHistoryMs,
    statePath: statePathOf(invocation, env),
    workers: workers === undefined ? undefined : everyStage(parseWorkers(workers)!, feeds),
    dashboard: dashboardOf(invocation, env, dashboard),
    notify: notifyOf(invocation, env),
    shell: anyShellOf(invocation, env),
  };
}

/** A stage that --workers does not name gets one process, if none runs all: a pipeline without it would stand still. */
function everyStage(named: Record<string, number>, feeds: readonly FeedOptions[]): Record<string, number> {
  if ('all' in named) return named;
  return Object.fromEntries(
    STAGE_NAMES.flatMap((stage) => {
      const count = named[stage] ?? (stagesUsed(feeds).includes(stage) ? 1 : 0);
      return count > 0 ? [[stage, count]] : [];
    }),
  );
}
