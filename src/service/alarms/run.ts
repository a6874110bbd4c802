/**
 * The role `notifier`: checks the state every two seconds and notifies a command, a webhook or both of what went wrong and what
 * is over.
 * Guarantees: delays nobody. It reads as the dashboard does, writes a few rows if something changed, and never waits for a
 * receiver inside a transaction.
 * Does not: claim a job; report a machine that is off.
 */
import { hostname } from 'node:os';
import type { NotifyOptions } from '../../base/config/notify.js';
import type { ChildContext } from '../../base/process/context.js';
import { startHeartbeats } from '../../ingest/health/heartbeats.js';
import { asOperators } from '../../ingest/ledger/open-state.js';
import { enterState } from '../../ingest/upkeep/enter-state.js';
import { Alarms } from './alarms.js';
import type { Receiver } from './channel.js';
import { type Clock, clock } from './clock.js';
import { run } from './command.js';
import { limits } from './limits.js';
import { documentOf } from './message.js';
import { post } from './webhook.js';

export async function runNotifier(context: ChildContext): Promise<void> {
  const { config, emit, fail } = context;
  const { statePath, shell, notify } = config.service;
  // The notifier and the producer start together, and the first one creates the state.
  const backend = await enterState(context, { title: 'notifier', cacheKib: limits.cacheKib });
  const stopBeats = startHeartbeats(backend, context);
  const receivers = receiversOf(notify!, clock);
  const alarms = new Alarms({ backend, statePath, shell, host: hostname(), receivers, clock, emit, onFatal: fail });
  const timer = setInterval(() => void alarms.turn(), limits.lookEveryMs);
  try {
    context.report({ kind: 'ready', owner: backend.owner, ownersPath: `${statePath}.owners` });
    void alarms.turn();
    await context.drained;
    clearInterval(timer);
    await alarms.end(limits.drainMs);
  } catch (error) {
    throw asOperators(error);
  } finally {
    clearInterval(timer);
    await alarms.idle();
    stopBeats();
    await backend.close();
  }
}

export function receiversOf(
  { command, webhook, secret }: NotifyOptions,
  { wallMs }: Pick<Clock, 'wallMs'>,
): Receiver[] {
  const receivers: Receiver[] = [];
  if (command)
    receivers.push({
      name: 'command',
      withinMs: limits.commandMs,
      send: (message, signal) => run(command, message, signal),
    });
  if (webhook !== undefined)
    receivers.push({
      name: 'webhook',
      withinMs: limits.webhookMs,
      send: (message, signal) => post(documentOf(message), { url: webhook, secret, wallMs }, signal),
    });
  return receivers;
}
