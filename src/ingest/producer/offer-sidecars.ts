/**
 * Offers sidecars at whose path no file lies to the held files of that path, whose own sidecar was wrong or not understood. hash reads
 * the sidecar, and takes it or leaves it (src/ingest/stages/hash.ts).
 * Guarantees: a sidecar that was left is offered again only after it has changed.
 */
import type { Backend, HeldKey, Job } from '../../../queue/backend.js';
import { pages } from '../../base/pages.js';
import { bytesOfName } from '../../linux/names.js';
import { UNPROVEN } from '../rules/checksum.js';
import { factsOf, payloadOf, type Unproven } from '../rules/facts.js';
import type { Offering } from './offer.js';
import type { AloneSidecar } from './stat-paths.js';

const PAGE = 500;

export async function offerSidecars(alone: readonly AloneSidecar[], { backend, feed }: Offering): Promise<void> {
  if (alone.length === 0) return;
  const versions = new Map(alone.map(({ path, version }) => [textOf(bytesOfName(path)), version]));
  const offers = new Map<string, string>();
  for (const { id, key } of heldForSidecars(backend, feed.name)) {
    const version = versions.get(textOf(key));
    const unproven = version === undefined ? undefined : unprovenOf(backend.job(id));
    if (unproven && unproven.refused !== version) offers.set(id, version!);
  }
  if (offers.size === 0) return;
  await backend.amendHeld([...offers.keys()], (_tx, job) => {
    const unproven = unprovenOf(job);
    // An operator was faster, and by now it is held for something else.
    if (!unproven) return { kind: 'hold', code: job.holdCode!, reason: job.reason! };
    const offered: Unproven = { ...unproven, offered: offers.get(job.id)! };
    return { kind: 'back', to: job.stage, payload: payloadOf({ ...factsOf(job), unproven: offered }) };
  });
}

const textOf = (key: Buffer): string => key.toString('latin1');
const unprovenOf = (job: Job | undefined): Unproven | undefined => job && factsOf(job).unproven;

function* heldForSidecars(backend: Backend, feed: string): Generator<HeldKey> {
  for (const code of UNPROVEN) {
    const pageAfter = (last?: HeldKey) =>
      backend.heldKeys({ feed, code, limit: PAGE, ...(last && { after: last.id }) });
    for (const page of pages(pageAfter)) yield* page;
  }
}
