/** Paths relative to a root, and the same from the root of the system. */
import type { ByteName } from '../../linux/names.js';

/** `path` is relative to `root`; '' is the root itself. */
export const absolutePath = (root: ByteName, path: ByteName): ByteName =>
  path === '' ? root : ((root === '/' ? `/${path}` : `${root}/${path}`) as ByteName);
