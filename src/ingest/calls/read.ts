/**
 * Hashes a file that is large, that must be copied, or whose reading is bounded (`--max-bytes-per-second`).
 * Guarantees: the same two checks before and after as for a small file (hash.ts). Where a lease cannot answer, the digest is of
 * a private copy. No uploader ever had a descriptor of that copy, and the copy is what is stored.
 */
import { closeSync } from 'node:fs';
import { copyTo, removeIfThere } from '../../files/copy.js';
import { digestWhole } from '../../files/digest.js';
import { moveOwn } from '../../files/moves.js';
import { inPlace, inPlaceAsync } from '../../files/place-error.js';
import { probeFd } from '../../files/probe.js';
import type { Throttle } from '../../files/rate-limit.js';
import type { FeedFiles } from '../files/feed-files.js';
import { afterReading, type OpenSealed, openSealed } from './hash.js';
import type { HashAnswer, Terms, ToRead } from './order.js';

export function reader(files: FeedFiles, terms: Terms, throttle?: Throttle): (file: ToRead) => Promise<HashAnswer> {
  return async (file) => {
    const open = openSealed(files, terms, file);
    if ('kind' in open) return open;
    try {
      if (open.sealed.kind === 'copy') return await copied(files, file, open, throttle);
      const digest = await digestWhole(open.fd, open.before.stat.size, throttle);
      return afterReading(open, digest, probeFd(open.fd, files.kinds));
    } finally {
      closeSync(open.fd);
    }
  };
}

/** Copies while hashing. The copy gets its name only where its hash counts. */
async function copied(files: FeedFiles, file: ToRead, open: OpenSealed, throttle?: Throttle): Promise<HashAnswer> {
  const inWork = <T>(act: () => T): T => inPlace('work', files.roots.work, 'write', act);
  const partial = inWork(() => files.makeWorkEntry(file, 'partial'));
  let isKept = false;
  try {
    const digest = await inPlaceAsync('work', files.roots.work, 'write', () =>
      copyTo(open.fd, open.before.stat, partial, { throttle }),
    );
    const sealed = { ...open.sealed, copied: true };
    const answer = afterReading({ ...open, sealed }, digest, probeFd(open.fd, files.kinds));
    isKept = answer.kind === 'hashed' && (file.demanded === undefined || file.demanded === answer.sha256);
    if (isKept)
      inWork(() => {
        const copy = files.makeWorkEntry(file, 'copy');
        removeIfThere(copy.dir, copy.name);
        moveOwn(partial, copy);
      });
    return answer;
  } finally {
    // On a full disk it would take the room that is waited for.
    if (!isKept) removeIfThere(partial.dir, partial.name);
  }
}
