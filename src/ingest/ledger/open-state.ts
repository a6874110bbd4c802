/** Opens the state: the tables of queue and ledger, together. Every process opens a state through this file. */
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
  /** A description of this process, for people. */
  title: string;
  maxAttempts: number;
  /** Default true. */
  create?: boolean;
  /** The UUID of a new state that replaces a lost one. */
  uuid?: string;
  /** For a process that must stay small. */
  cacheKib?: number;
}

/** Errors: EnvironmentError, when the state cannot be used. */
export async function openState({ statePath, ...options }: OpenOptions): Promise<Backend> {
  return operators(() =>
    openQueue({
      path: statePath,
      host: host(),
      stages: STAGE_NAMES,
      modules: MODULES,
      onUnclean: closeUntilChecked,
      ...options,
    }),
  );
}

/** Opens it for reading only: writes nothing, works while no other process runs. */
export async function openStateView(statePath: string): Promise<QueueView> {
  return operators(() => openQueueView({ path: statePath, host: host(), stages: STAGE_NAMES, modules: MODULES }));
}

/** Copies one moment of a state, also of a state in use. `to`: an empty file. Errors: EnvironmentError. */
export function copyState(from: string, to: string): void {
  try {
    copyQueue(from, to, MODULES);
  } catch (error) {
    throw asOperators(error);
  }
}

/** Copies a state that is older than the files on disk, to be brought up to date. Errors: EnvironmentError. */
export function copyOlderState(from: string, to: string): void {
  try {
    copyOlderQueue(from, to, MODULES);
  } catch (error) {
    throw asOperators(error);
  }
}

/** The queue does not know exit codes. Its errors get them here. */
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
