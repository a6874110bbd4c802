/**
 * The role `dashboard`: serves the page, its API and the metrics, beside all daemons or without any.
 * Guarantees: reads the state once a second while a page is open; without one it reads only the heartbeats of the processes.
 * Ends when it is to drain.
 * Does not: claim a job; a change that is asked for is a short transaction.
 */
import { EnvironmentError } from '../../base/errors.js';
import type { ChildContext } from '../../base/process/context.js';
import { startHeartbeats } from '../../ingest/health/heartbeats.js';
import { asOperators } from '../../ingest/ledger/open-state.js';
import { enterState } from '../../ingest/upkeep/enter-state.js';
import { FreeSpace } from '../figures/free-space.js';
import { limits } from './data/limits.js';
import { Metrics } from './data/metrics.js';
import { Snapshots } from './data/snapshots.js';
import { Search } from './search/search.js';
import { serverOf } from './server.js';
import { Stream } from './stream.js';

/** The parts of its process that it needs. */
export type DashboardContext = Pick<ChildContext, 'config' | 'report' | 'drained' | 'fail' | 'onStop' | 'emit'>;

export async function runDashboard(context: DashboardContext): Promise<void> {
  const { statePath, shell, dashboard, stateMinFreeBytes } = context.config.service;
  const { host, port, hosts, token } = dashboard!;
  const { feeds } = context.config;
  // Beside a producer, the first of the two makes the state.
  const backend = await enterState(context, { title: 'dashboard', create: feeds.length > 0 });
  const stopBeats = startHeartbeats(backend, context);
  const space = new FreeSpace(backend, statePath, stateMinFreeBytes);
  const snapshots = new Snapshots(backend, statePath, shell, undefined, space);
  const stream = new Stream();
  const search = new Search(statePath);
  const app = serverOf({
    backend,
    snapshots,
    shell,
    stream,
    search,
    host,
    hosts,
    token,
    emit: context.emit,
    space,
    metrics: new Metrics(backend, space),
  });
  const timer = setInterval(() => sendToPages(snapshots, stream, context), limits.snapshotEveryMs);
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

function sendToPages(snapshots: Snapshots, stream: Stream, { fail }: DashboardContext): void {
  try {
    if (stream.size > 0) stream.send(snapshots.take().json);
  } catch (error) {
    fail(error);
  }
}
