/** The user who called this command, for the record of an operator's act. */
import { userName } from '../linux/index.js';

/** Under sudo, the user who called sudo. */
export const callerName = (): string => process.env.SUDO_USER || userName();
