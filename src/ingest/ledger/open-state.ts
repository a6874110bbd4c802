/** Opens the state: the queue's tables and the ledger's, together. Every process of a state opens it through here. */
import {
  type Backend,
  copyOlderQueue,
  copyQueue,
  openQueue,
  openQueueView,
  QueueError,
  type QueueView,
} from '../../../queue/index.js';
import { STAGE_NAMES } from '../../base/config/values/stage-names.js';
import { EnvironmentError } from '../../base/errors.js';
import { host } from '../../linux/index.js';
import { sharedModule } from '../outbox/schema.js';
import { outputsModule } from '../outputs/recorded.js';
import { alarmsModule } from './alarms-schema.js';
import { exceptionsModule } from './exceptions.js';
import { filterModule } from './hash-filter.js';
import { hashesModule } from './hashes.js';
import { periodsModule } from './periods-schema.js';
import { prunedModule } from './pruned.js';
import { replacedModule } from './replaced.js';
import { ledgerModule } from './schema.js';
import { servicesModule } from './services.js';
import { closeUntilChecked } from './unchecked-gate.js';

const MODULES = [
  ledgerModule,
  exceptionsModule,
  periodsModule,
  alarmsModule,
  prunedModule,
  hashesModule,
  filterModule,
  servicesModule,
  replacedModule,
  outputsModule,
  sharedModule,
] as const;

export interface OpenOptions {
  statePath: string;
  /** For people: what this process is. */
  title: string;
  maxAttempts: number;
  /** Default true. */
  create?: boolean;
  /** The UUID of a new state that stands in for a lost one. */
  uuid?: string;
  /** Given by a process that must stay small. */
  cacheKib?: number;
}

/** Errors: EnvironmentError, when the state cannot be used. */
export async function openState({ statePath, ...options }: OpenOptions): Promise<Backend> {
  return operators(() =>
    openQueue({
      ...{ path: statePath, host: host(), stages: STAGE_NAMES, modules: MODULES, onUnclean: closeUntilChecked },
      ...options,
    }),
  );
}

/** To look at it only: writes nothing, works with all daemons down. */
export async function openStateView(statePath: string): Promise<QueueView> {
  return operators(() => openQueueView({ path: statePath, host: host(), stages: STAGE_NAMES, modules: MODULES }));
}

/** One moment of a state, also of one in use. Errors: EnvironmentError. `to`: an empty file. */
export function copyState(from: string, to: string): void {
  try {
    copyQueue(from, to, MODULES);
  } catch (error) {
    throw asOperators(error);
  }
}

/** A copy of a state that is older than what lies on disk, to be brought up to date. Errors: EnvironmentError. */
export function copyOlderState(from: string, to: string): void {
  try {
    copyOlderQueue(from, to, MODULES);
  } catch (error) {
    throw asOperators(error);
  }
}

/** The queue knows no operators: its errors get their exit code here. */
export function asOperators(error: unknown): unknown {
  return error instanceof QueueError ? new EnvironmentError(error.code, error.message) : error;
}

async function operators<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw asOperators(error);
  }
}
