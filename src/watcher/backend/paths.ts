/**
 * Converts paths relative to a root into absolute paths.
 */
import type { ByteName } from '../../linux/names.js';

/** `path` is relative to `root`; '' is the root itself. */
export const absolutePath = (root: ByteName, path: ByteName): ByteName =>
  path === '' ? root : ((root === '/' ? `/${path}` : `${root}/${path}`) as ByteName);
