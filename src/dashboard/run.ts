/**
 * The role `dashboard`: serves the page, its API and the metrics, beside all daemons or without any.
 * Guarantees: looks at the state once a second while somebody looks at it, and not at all while nobody does; ends when it
 * is told to drain.
 * Does not: claim a job; a change that is asked for is a short transaction.
 */
import { existsSync } from 'node:fs';
import type { Backend } from '../../queue/backend.js';
import { limits as queueLimits } from '../../queue/index.js';
import { limits as configLimits } from '../config/limits.js';
import { EnvironmentError } from '../errors.js';
import { asOperators, openState } from '../ledger/open-state.js';
import type { ChildContext } from '../supervise/context.js';
import { limits } from './limits.js';
import { Looks } from './looks.js';
import { Metrics } from './metrics.js';
import { Search } from './search.js';
import { serverOf } from './server.js';
import { Stream } from './stream.js';
import { Surroundings } from './surroundings.js';

/** What it needs of the process that it runs in. */
export type DashboardContext = Pick<ChildContext, 'config' | 'report' | 'drained' | 'fail' | 'onStop' | 'emit'>;

export async function runDashboard(context: DashboardContext): Promise<void> {
  const { statePath, maxAttempts, dashboard } = context.config.service;
  const { host, port, hosts, token } = dashboard!;
  await stateToBeMade(statePath, context.drained);
  const backend = await openState({ statePath, maxAttempts, title: 'dashboard', create: false });
  const beats = startBeats(backend, context);
  const looks = new Looks(backend, statePath);
  const stream = new Stream();
  const search = new Search(statePath);
  const surroundings = new Surroundings(backend, statePath);
  const app = serverOf({
    ...{ backend, looks, stream, search, host, hosts, token, emit: context.emit },
    metrics: new Metrics(backend, surroundings),
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
    clearInterval(beats);
    stream.close();
    await app.close();
    await search.close();
    await backend.close();
  }
}

/** The producer beside it makes the state. */
async function stateToBeMade(statePath: string, drained: Promise<void>): Promise<void> {
  let draining = false;
  void drained.then(() => (draining = true)).catch(() => undefined);
  for (const end = performance.now() + configLimits.stateWaitMs; !existsSync(statePath) && !draining; ) {
    if (performance.now() > end) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
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

/** The state that was opened is asked for with each beat: one that was replaced is no longer this one. */
function startBeats(backend: Backend, { fail, onStop }: DashboardContext): NodeJS.Timeout {
  const beat = () => {
    try {
      backend.beat({ job: null, place: '' });
      backend.checkStillOurs();
    } catch (error) {
      fail(error);
    }
  };
  beat();
  onStop(() => backend.beat({ job: null, place: '' }));
  return setInterval(beat, queueLimits.beatEveryMs);
}
