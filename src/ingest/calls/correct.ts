/**
 * Looks in the input for the right sidecar of a sealed file that is held for its first one, and takes it.
 * Guarantees: takes only a sidecar that demands the SHA-256 of the file, at whose path no file lies. Any other one stays: it belongs to
 * a version that is still to come. The first sidecar is never replaced: it has to be put aside before.
 * Does not: sync. The caller does, before it commits the answer.
 */
import { inPlace, PlaceError } from '../../files/place-error.js';
import type { ByteName } from '../../linux/index.js';
import { type FeedFiles, statEntry } from '../files/feed-files.js';
import { putBack } from '../files/put-back.js';
import { readSidecar, type SidecarRead, sidecarOf } from '../files/sidecar.js';
import { bringOn, take } from '../files/take.js';
import type { CorrectAnswer, Terms, ToCorrect } from './order.js';

export function corrector(files: FeedFiles, terms: Terms): (file: ToCorrect) => Promise<CorrectAnswer> {
  return async (file) => {
    bringOn(files, file);
    const sealed = files.workEntry(file, 'sidecar');
    const hasSealed = statEntry(sealed) !== undefined;
    // Taken before a crash.
    if (hasSealed && demands(readSidecar(sealed, file.path, files.kinds), file)) return { kind: 'taken' };
    try {
      const name = sidecarOf(file.path, terms.feed);
      const found = inPlace('input', files.roots.input, 'read', () => inInput(files, file, name));
      if (found.seen.kind === 'open') return { kind: 'later' };
      if (!demands(found, file)) return { kind: 'stays' };
      return hasSealed ? { kind: 'aside_first' } : await takeFrom(files, file, name);
    } catch (error) {
      // Files in the work directory are hashed all the same.
      if (error instanceof PlaceError && error.place === 'input') return { kind: 'later' };
      throw error;
    }
  };
}

const demands = ({ checksum }: SidecarRead, { sha256 }: ToCorrect): boolean =>
  checksum.kind === 'sha256' && checksum.sha256 === sha256;

function inInput(files: FeedFiles, { path }: ToCorrect, name: ByteName): SidecarRead {
  const isBesideFile = statEntry(files.entryOrNone(files.input, path)) !== undefined;
  return readSidecar(isBesideFile ? undefined : files.entryOrNone(files.input, name), path, files.kinds);
}

/** The uploader may have replaced it since it was read: then it goes back, unless a newer one lies there by now. */
async function takeFrom(files: FeedFiles, file: ToCorrect, name: ByteName): Promise<CorrectAnswer> {
  take(files, file, { part: 'sidecar', from: files.input.entry(name), place: 'input' });
  const taken = files.workEntry(file, 'sidecar')!;
  if (demands(readSidecar(taken, file.path, files.kinds), file)) return { kind: 'taken' };
  await putBack(files, file, taken, files.input.entry(name));
  return { kind: 'later' };
}
