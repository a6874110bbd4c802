/**
 * Lines and files as the version before left them: it gave a name again once a consumer had taken its file. So several lines may
 * name one path, and a rebuild meets them.
 */
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loseState, rebuilt } from './lost.js';
import type { World } from './world.js';

/** Files with the number 2 get the name of the first one, whose file has left. Then the state is lost, and made again. */
export async function rebuiltFromBefore(world: World, feed?: string): Promise<void> {
  const { manifests, warehouse } = world.feed(feed);
  for (const path of filesBelow(warehouse).filter((one) => one.includes('~2')))
    renameSync(path, path.replace('~2', ''));
  for (const path of filesBelow(manifests).filter((one) => one.endsWith('manifest.jsonl')))
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll('~2', ''));
  loseState(world);
  await rebuilt(world);
}

const filesBelow = (root: string): string[] =>
  readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
