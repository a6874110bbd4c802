import { readFileSync } from 'node:fs';

/** Where this package lies: two folders above this module, and above each file of dist/program that this is a part of. */
const ROOT = new URL('../../', import.meta.url);

export const inPackage = (path: string): URL => new URL(path, ROOT);

/** The version of this build. */
export const packageVersion = (): string =>
  (JSON.parse(readFileSync(inPackage('package.json'), 'utf8')) as { version: string }).version;
