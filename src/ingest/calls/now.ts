/** The clock of observations and quiet windows. */
import { bootMs } from '../../linux/index.js';
import type { Now } from '../rules/completion.js';

/** The current moment, read for each file: an order may take seconds. */
export const nowOf = ({ boot }: { boot: string }): Now => ({ ms: Math.floor(bootMs()), boot });
