/** The sentence for a root that cannot be used at a start. */
import { EnvironmentError } from '../../base/errors.js';
import { errnoOf, NoSafeRename, READ_ONLY } from '../../files/place-error.js';

/** True for an error that is about a root, and not a bug. */
export const isOfRoot = (error: unknown): boolean => errnoOf(error) !== undefined || error instanceof NoSafeRename;

/** `kind`: a kind of place, or `folder` where the caller does not know it. */
export function unusable(kind: string, path: string, error: unknown): EnvironmentError {
  const code = errnoOf(error);
  const name = `the ${kind === 'work' ? 'work directory' : kind} ${path}`;
  if (error instanceof NoSafeRename) return new EnvironmentError('no_safe_rename', `${name} ${error.message}.`);
  const sentence =
    code === 'EROFS'
      ? `${name} cannot be used (EROFS), it ${READ_ONLY}.`
      : `${name} cannot be used (${code}): correct its path, owner or permissions.`;
  return new EnvironmentError('root_unusable', sentence);
}
