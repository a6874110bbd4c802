/** The user that this process acts as. */
import { userInfo } from 'node:os';

/** Its name; its number where the system has no name for it. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.geteuid!()}`;
  }
}
