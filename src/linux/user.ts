/** The user that this process acts as. */
import { userInfo } from 'node:os';

/** Its name, or its number where the system has no name for it (in a container). */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.geteuid!());
  }
}
