import { bootMs } from '../../linux/index.js';
import type { Now } from '../rules/completion.js';

/** The clock that observations and windows are on: of this moment, for an order may take seconds. */
export const nowOf = ({ boot }: { boot: string }): Now => ({ ms: Math.floor(bootMs()), boot });
