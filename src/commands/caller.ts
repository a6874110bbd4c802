/** The user who called this command, for the record of an operator's act. */
import { userInfo } from 'node:os';

/** The user who called; under sudo, the user who called sudo. */
export function callerName(): string {
  const { SUDO_USER } = process.env;
  if (SUDO_USER) return SUDO_USER;
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.geteuid?.()}`; // a uid without an entry in the user database
  }
}
