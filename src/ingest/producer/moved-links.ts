/**
 * Finds out whether a directory of a feed that is named through a symlink is still the one that the symlink leads to.
 * Guarantees: a symlink that leads elsewhere becomes a finding, and an event, within seconds. It ends when the symlink is back.
 * Does not: follow it. Markers, locks and the work directory belong to the directory of the start, and files are on their way there;
 * a restart checks and takes the other one.
 */
import { realpath } from 'node:fs/promises';
import { type Backend, StateUnwritable } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import type { Emit } from '../../base/telemetry/emit.js';
import { errnoOf } from '../../files/place-error.js';
import { note, takeBack } from '../health/notices.js';

const EVERY_MS = 2_000;
const CODE = 'link_moved';

interface Link {
  feed: string;
  option: string;
  /** As it was given. */
  path: string;
  /** The directory that is used. */
  used: string;
  isMoved: boolean;
}

export interface LinkWatch {
  add(feed: FeedOptions): void;
  stop(): void;
}

/** One link after the other, so that a mount that hangs keeps one thread. */
export function watchLinks(backend: Backend, emit: Emit, failed: (error: unknown) => void): LinkWatch {
  const links: Link[] = [];
  let isStopped = false;
  let isBusy = false;
  const look = async (): Promise<void> => {
    for (const link of links) {
      const leads = await leadsTo(link.path);
      if (isStopped) return;
      if ((leads !== link.used) !== link.isMoved) await changed(backend, link, leads, emit);
    }
  };
  const lookOnce = (): void => {
    if (isBusy) return;
    isBusy = true;
    look()
      .catch((error) => void (isStopped || error instanceof StateUnwritable || failed(error)))
      .finally(() => {
        isBusy = false;
      });
  };
  let timer: NodeJS.Timeout | undefined;
  return {
    add: (feed) => {
      links.push(...linksOf(feed));
      if (links.length > 0 && !isStopped) timer ??= setInterval(lookOnce, EVERY_MS);
    },
    stop: () => {
      isStopped = true;
      clearInterval(timer);
    },
  };
}

const linksOf = (feed: FeedOptions): Link[] =>
  Object.entries(feed.links ?? {}).map(([option, path]) => ({
    feed: feed.name,
    option,
    path,
    used: feed[option as keyof NonNullable<FeedOptions['links']>],
    isMoved: false,
  }));

/** Asked on another thread, because a mount may hang. */
async function leadsTo(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}

async function changed(backend: Backend, link: Link, leads: string | undefined, emit: Emit): Promise<void> {
  const { feed, option, path, used } = link;
  const key = { feed, code: CODE, what: option } as const;
  const isMoved = leads !== used;
  const reason = `--${option} ${path} leads to ${leads ?? 'nothing'} now, but the service works in ${used}, where it led at the start.`;
  await (isMoved ? note(backend, key, reason) : takeBack(backend, key));
  link.isMoved = isMoved;
  emit(isMoved ? CODE : 'link_back', { feed, option, path, used, ...(leads !== undefined && { leads }) });
}
