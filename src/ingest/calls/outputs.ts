/**
 * The acts around the processing of a file. Before it, outputs of earlier tries are removed. After it, each output is sealed like
 * an input.
 * Guarantees: a finished output is on disk with its name, and nobody has it open for writing. Its size and hash are those of the
 * bytes on disk. Its owner, mode and ACL are those of the sealed file, which was the same before and after.
 */
import { closeSync, readdirSync } from 'node:fs';
import { keepRights, type Rights, rightsOf } from '../../files/attributes.js';
import { blocking } from '../../files/blocking.js';
import { removeIfThere } from '../../files/copy.js';
import { digestWhole } from '../../files/digest.js';
import { inPlace, inPlaceAsync } from '../../files/place-error.js';
import { openEntry, probeFd } from '../../files/probe.js';
import type { Throttle } from '../../files/rate-limit.js';
import { type ByteName, joinNames, nameOfText, openData, statFd, withFd } from '../../linux/index.js';
import { outputName, outputPrefix } from '../chains/recorded-outputs.js';
import { type FeedFiles, INNER_WORK, statEntry } from '../files/feed-files.js';
import { sameBytes } from '../rules/verified.js';
import { TEMPORARY } from '../warehouse/target.js';
import type { BeginAnswer, FinishAnswer, Finished, Terms, ToBegin, ToFinish } from './order.js';

export const beginner =
  (files: FeedFiles) =>
  (file: ToBegin): BeginAnswer => {
    const refused = checkSource(files, file);
    if (refused) return refused;
    const { warehouse } = files.roots;
    const directory = inPlace('warehouse', warehouse, 'write', () => removeEarlier(files, file));
    return { kind: 'begun', path: pathOf(files, file), directory };
  };

export function finisher(files: FeedFiles, _: Terms, throttle?: Throttle): (file: ToFinish) => Promise<FinishAnswer> {
  return async (file) => {
    const refused = checkSource(files, file);
    if (refused) return refused;
    const rights = inPlace('work', files.roots.work, 'read', () => rightsOfOutputs(files, file));
    return inPlaceAsync('warehouse', files.roots.warehouse, 'write', () => finish(files, file, rights, throttle));
  };
}

/** An output is no program, so the set-id bits stay away. */
function rightsOfOutputs(files: FeedFiles, file: ToFinish): Rights {
  const { dir, name } = files.workEntry(file, file.part)!;
  const { mode, ...rights } = withFd(openData(dir, name), (fd) => rightsOf(fd, statFd(fd)));
  return { ...rights, mode: mode & 0o777 };
}

async function finish(
  files: FeedFiles,
  file: ToFinish,
  rights: Rights,
  throttle: Throttle | undefined,
): Promise<FinishAnswer> {
  const dir = files.warehouse.make(TEMPORARY, 0o700);
  const outputs: Finished[] = [];
  for (const n of file.outputs) {
    const opened = openEntry({ dir, name: outputName(file.id, n, file.claimNo) });
    if (opened.fd === undefined) return { kind: 'output_missing', n };
    try {
      // A process that the processor left running may still have it open.
      const { stat, writer } = probeFd(opened.fd, files.kinds);
      if (writer === 'writer' || stat.nlink !== 1) return { kind: 'output_open', n };
      keepRights(opened.fd, rights);
      await blocking.fsync(opened.fd);
      const { sha256, bytes } = await digestWhole(opened.fd, stat.size, throttle);
      if (bytes !== stat.size) return { kind: 'output_open', n };
      outputs.push({
        n,
        size: bytes,
        sha256: sha256.toString('hex'),
        device: String(stat.dev),
        inode: String(stat.ino),
      });
    } finally {
      closeSync(opened.fd);
    }
  }
  if (outputs.length > 0) await blocking.fsync(dir);
  return { kind: 'finished', outputs };
}

/** Returns the directory in which the outputs are to be made. */
function removeEarlier(files: FeedFiles, { id }: ToBegin): ByteName {
  removeOutputs(files.warehouse.make(TEMPORARY, 0o700), id);
  return joinNames(nameOfText(files.roots.warehouse), TEMPORARY);
}

/** Removes outputs of a job that have no name in the warehouse yet, from every try. `dir`: the temporary directory. */
export function removeOutputs(dir: number, jobId: string): void {
  for (const name of readdirSync(`/proc/self/fd/${dir}`, 'latin1') as ByteName[])
    if (name.startsWith(outputPrefix(jobId))) removeIfThere(dir, name);
}

function checkSource(files: FeedFiles, file: ToBegin): { kind: 'no_source' | 'changed' } | undefined {
  const stat = statEntry(files.workEntry(file, file.part));
  if (!stat) return { kind: 'no_source' };
  // A private copy is ours alone.
  return file.part === 'file' && !sameBytes(file.identity, stat) ? { kind: 'changed' } : undefined;
}

/** The absolute path: another process opens it. */
function pathOf(files: FeedFiles, file: ToBegin): ByteName {
  const { input, work } = files.roots;
  const root = file.inside === '' ? nameOfText(work) : joinNames(joinNames(nameOfText(input), file.inside), INNER_WORK);
  return joinNames(root, files.workPath(file, file.part));
}
