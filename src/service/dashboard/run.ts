/**
 * The role `dashboard`: serves the page, its API and the metrics, beside all daemons or without any.
 * Guarantees: looks at the state once a second while somebody looks at it; while nobody does, at the beats of its processes
 * alone. Ends when it is told to drain.
 * Does not: claim a job; a change that is asked for is a short transaction.
 */
import { EnvironmentError } from '../../base/errors.js';
import type { ChildContext } from '../../base/process/context.js';
import { startHeartbeats } from '../../ingest/health/heartbeats.js';
import { asOperators, openState } from '../../ingest/ledger/open-state.js';
import { refuseLostState } from '../../ingest/upkeep/check-manifests.js';
import { FreeSpace } from '../figures/free-space.js';
import { Fleet } from './data/fleet.js';
import { limits } from './data/limits.js';
import { Looks } from './data/looks.js';
import { Metrics } from './data/metrics.js';
import { Series } from './data/series.js';
import { Search } from './search/search.js';
import { serverOf } from './server.js';
import { Stream } from './stream.js';

/** What it needs of the process that it runs in. */
export type DashboardContext = Pick<ChildContext, 'config' | 'report' | 'drained' | 'fail' | 'onStop' | 'emit'>;

export async function runDashboard(context: DashboardContext): Promise<void> {
  const { statePath, maxAttempts, dashboard, sharedLedger, stateMinFreeBytes } = context.config.service;
  const { host, port, hosts, token } = dashboard!;
  const { feeds } = context.config;
  await refuseLostState(statePath, feeds);
  // Beside a producer, whoever comes first makes the state.
  const backend = await openState({ statePath, maxAttempts, title: 'dashboard', create: feeds.length > 0 });
  const stopBeats = startHeartbeats(backend, context);
  const space = new FreeSpace(backend, statePath, stateMinFreeBytes);
  const looks = new Looks(backend, statePath, undefined, space);
  const stream = new Stream();
  const search = new Search(statePath);
  const fleet = new Fleet(sharedLedger);
  const app = serverOf({
    ...{ backend, looks, stream, search, host, hosts, token, emit: context.emit },
    ...{ fleet, space },
    series: new Series(backend),
    metrics: new Metrics(backend, space, fleet),
  });
  const timer = setInterval(() => tellPages(looks, stream, context), limits.lookEveryMs);
  try {
    const url = await listen(() => app.listen({ host, port }), `${host}:${port}`);
    // Not before: an address that is taken ends the command at its start, and later is only tried again.
    context.report({ kind: 'ready', owner: backend.owner, ownersPath: `${statePath}.owners` });
    context.emit('dashboard', { url });
    await context.drained;
  } catch (error) {
    throw asOperators(error);
  } finally {
    clearInterval(timer);
    stopBeats();
    stream.close();
    await app.close();
    await search.close();
    await fleet.close();
    await backend.close();
  }
}

async function listen(act: () => Promise<string>, where: string): Promise<string> {
  try {
    return await act();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new EnvironmentError(
      'dashboard_address',
      `--dashboard ${where} cannot be listened on (${message}); name another.`,
    );
  }
}

function tellPages(looks: Looks, stream: Stream, { fail }: DashboardContext): void {
  try {
    looks.watch();
    if (stream.size > 0) stream.tell(looks.take().json);
    else looks.refresh();
  } catch (error) {
    fail(error);
  }
}
