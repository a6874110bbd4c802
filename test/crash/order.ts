/** The messages between the harness and its runners. */
import type { Config } from '../../src/base/config/options.js';
import { STAGE_NAMES } from '../../src/base/config/values/stage-names.js';

export interface Order {
  /** Read by the harness, because a parser of options would cost a runner a third of its start. */
  config: Config;
  /** SHA-256 of the content that an operator withdraws when it is stored. */
  withdraw: string;
  control: string;
  /** Files of the second batch come when this process has said that the first is in. */
  second: boolean;
}

/** The phases of a process, by the number that the library writes beside each call. */
export const PHASES: readonly string[] = [
  ...['start', 'scan', ...STAGE_NAMES, 'rescue', 'probe', 'reap', 'end'],
  ...STAGE_NAMES.map((stage) => `settle ${stage}`),
  ...['withdraw', 'prune'],
];
