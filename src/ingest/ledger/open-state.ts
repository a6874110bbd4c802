/** Opens the state: the tables of queue and ledger, together. Every process opens a state through this file. */
import {
  type Backend,
  copyOlderQueue,
  copyQueue,
  type Module,
  openQueue,
  openQueueView,
  QueueError,
  type QueueOptions,
  type QueueView,
} from '../../../queue/index.js';
import { STAGE_NAMES } from '../../base/config/values/stage-names.js';
import { EnvironmentError } from '../../base/errors.js';
import { host, isIgnored } from '../../linux/index.js';
import { outputsModule } from '../chains/recorded-outputs.js';
import { alarmsModule } from './alarms-schema.js';
import { contentsModule } from './contents-schema.js';
import { exceptionsModule } from './exceptions.js';
import { sharingModule } from './host.js';
import { namesModule } from './names.js';
import { periodsModule } from './periods-schema.js';
import { hashesModules, prunedModule } from './pruned.js';
import { publicationsModule } from './publications-schema.js';
import { ledgerModule, replacedModule } from './schema.js';
import { isOfService, servicesModule } from './services.js';
import { closeUntilChecked } from './unchecked-gate.js';

/** A stage counts as a migration: an older build, which would leave its jobs for ever, refuses the state. */
const stagesModule: Module = { name: 'stages', migrations: STAGE_NAMES.map(() => '') };

const MODULES = [
  ledgerModule,
  exceptionsModule,
  periodsModule,
  alarmsModule,
  prunedModule,
  ...hashesModules,
  servicesModule,
  replacedModule,
  outputsModule,
  sharingModule,
  contentsModule,
  namesModule,
  publicationsModule,
  stagesModule,
] as const;

type ForQueue = 'title' | 'maxAttempts' | 'next' | 'create' | 'uuid' | 'onMigration' | 'cacheKib';

export interface OpenOptions extends Pick<QueueOptions, ForQueue> {
  statePath: string;
}

/**
 * Ctrl-Z stops a process between two transactions, never in one: a process that is stopped in one keeps all others from writing.
 * As the terminal does it: the kernel stops no process that no shell could continue.
 */
function stopBetween(): void {
  process.off('SIGTSTP', stopBetween);
  process.kill(process.pid, 'SIGTSTP');
  process.on('SIGTSTP', stopBetween);
}

/** Errors: EnvironmentError, when the state cannot be used. */
export async function openState({ statePath, ...options }: OpenOptions): Promise<Backend> {
  // A process may open several states, one after the other.
  process.off('SIGTSTP', stopBetween);
  if (!isIgnored('SIGTSTP')) process.on('SIGTSTP', stopBetween);
  return openQueue({ ...whole(statePath), onUnclean: closeUntilChecked, isMissed: isOfService, ...options }).catch(
    refused,
  );
}

/** Opens it for reading only: writes nothing, works while no other process runs. */
export async function openStateView(statePath: string): Promise<QueueView> {
  return openQueueView(whole(statePath)).catch(refused);
}

const whole = (path: string) => ({ path, host: host(), stages: STAGE_NAMES, modules: MODULES });

/** Copies one moment of a state, also of a state in use, then checks it. `to`: an empty file. Errors: EnvironmentError. */
export function copyState(from: string, to: string, onCopied?: () => void): void {
  try {
    copyQueue(from, to, { modules: MODULES, onCopied });
  } catch (error) {
    refused(error);
  }
}

/** Copies a state that is older than the files on disk, to be brought up to date. Errors: EnvironmentError. */
export function copyOlderState(from: string, to: string): void {
  try {
    copyOlderQueue(from, to, MODULES);
  } catch (error) {
    refused(error);
  }
}

/** The queue does not know exit codes. Its errors get them here. */
export function asOperators(error: unknown): unknown {
  return error instanceof QueueError ? new EnvironmentError(error.code, error.message) : error;
}

function refused(error: unknown): never {
  throw asOperators(error);
}
