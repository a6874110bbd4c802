/** What the harness and its runners say to one another. */
import { STAGE_NAMES } from '../../src/config/stage-names.js';

export interface Order {
  flags: string[];
  control: string;
  /** Files of the second batch come when this process has said that the first is in. */
  second: boolean;
}

/** What a process is at, by the number that the library writes beside each call. */
export const PHASES = ['start', 'scan', ...STAGE_NAMES, 'rescue', 'probe', 'reap', 'end'] as const;
