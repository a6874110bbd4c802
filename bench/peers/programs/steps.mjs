/** What the Node peers do with a file, as their users write it: nothing is synced, a taken name is overwritten. */
import { createHash } from 'node:crypto';
import { createReadStream, writeFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';

const made = new Set();

async function folder(...parts) {
  const wanted = path.join(...parts);
  if (!made.has(wanted)) await fs.mkdir(wanted, { recursive: true });
  made.add(wanted);
  return wanted;
}

export async function* filesIn(directory) {
  for await (const entry of await fs.opendir(directory, { recursive: true }))
    if (entry.isFile() && !entry.name.startsWith('.')) yield path.join(entry.parentPath, entry.name);
}

export async function sha256Of(file) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

export async function appendLine(manifests, file, sha256) {
  const { dev, ino, size, mtimeMs } = await fs.stat(file);
  const hour = new Date().toISOString().slice(0, 13).replace('T', '-').split('-');
  const record = { path: file, sha256, device: dev, inode: ino, size, mtime: Math.floor(mtimeMs / 1000) };
  await fs.appendFile(path.join(await folder(manifests, ...hour), 'manifest.jsonl'), `${JSON.stringify(record)}\n`);
}

export async function moveTo(warehouse, file) {
  const day = await folder(warehouse, `ingest_date=${new Date().toISOString().slice(0, 10)}`);
  await fs.rename(file, path.join(day, path.basename(file)));
}

/** All are done, or nothing has happened for `quietMs`: then the time of that wait is left for the benchmark to take off. */
export async function untilDone({ progress, files, state, quietMs }) {
  let before = -1;
  let since = performance.now();
  while (progress.done < files) {
    if (progress.done !== before) since = performance.now();
    before = progress.done;
    if (performance.now() - since > quietMs) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const waitedS = progress.done < files ? (performance.now() - since) / 1000 : 0;
  writeFileSync(path.join(state, 'report.json'), JSON.stringify({ waitedS }));
}
