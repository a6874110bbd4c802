/**
 * ingest-ctl check-config: whether a start of the service would accept a configuration file, and what that start would change.
 * Guarantees: asks what `ingest` asks before its first start, of the file, its folders and the state; changes nothing, and may be run
 * beside the service.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { QueueView } from '../../queue/index.js';
import { configOf } from '../base/config/load.js';
import type { FeedOptions } from '../base/config/options.js';
import { type Invocation, readInvocation } from '../base/config/read.js';
import { isFeedOption } from '../base/config/schema.js';
import { EnvironmentError, EXIT } from '../base/errors.js';
import { typed } from '../base/shell.js';
import { safeText } from '../base/telemetry/safe.js';
import { oneWord } from './ask.js';
import { awayFolders } from './away-folders.js';
import { print } from './console.js';
import { placesAway, refuseUnfit, withStateAt } from './state.js';

export async function checkConfig(invocation: Invocation): Promise<number> {
  const { words, file: named } = invocation;
  const file = words.length === 0 && named !== undefined ? named : resolve(oneWord(invocation, 'a configuration file'));
  const asked = readInvocation('ingest', ['--config', file, ...stateIn(invocation)], process.env);
  const { feeds, service } = configOf(asked, process.env, await awayFolders(asked, false));
  await refuseUnfit(feeds, service.statePath);
  const away = await placesAway(feeds, service.statePath);
  if (away.length > 0) throw new EnvironmentError('root_unusable', `${away.map(({ message }) => message).join('; ')}.`);
  const feedsIn = (view: QueueView): Known => new Map(view.feeds().map(({ name, options }) => [name, options]));
  const known: Known = existsSync(service.statePath) ? await withStateAt(service.statePath, feedsIn) : new Map();
  for (const line of differences(feeds, known, file)) print(safeText(line));
  print(
    safeText(
      `${file} is in order: ${feeds.length} ${feeds.length === 1 ? 'feed' : 'feeds'}. A restart of the service takes it over; what it changes beside the feeds is not compared.`,
    ),
  );
  return EXIT.done;
}

const stateIn = ({ service }: Invocation): string[] =>
  service['state-path'] === undefined ? [] : ['--state-path', service['state-path']];

type Known = ReadonlyMap<string, Record<string, unknown>>;

/** A line for each feed that the restart adds, changes or leaves without a producer. */
export function differences(feeds: readonly FeedOptions[], known: Known, file: string): string[] {
  const there = feeds.flatMap((feed) => {
    const before = known.get(feed.name);
    if (before === undefined) return `${feed.name} is a new feed`;
    const changed = changedOptions(feed, before);
    return changed.length === 0 ? [] : `${feed.name} changes: ${changed.join(', ')}`;
  });
  const gone = [...known.keys()].filter((name) => !feeds.some((feed) => feed.name === name));
  return [
    ...there,
    ...gone.map(
      (name) =>
        `${name} is not in the file: nobody would notice its new files; ${typed('ingest-ctl retire', name, '--config', file)} gives it up`,
    ),
  ];
}

/** As the state has them, which is JSON. */
function changedOptions(feed: FeedOptions, before: Record<string, unknown>): string[] {
  const now = JSON.parse(JSON.stringify(feed)) as Record<string, unknown>;
  const names = [...new Set([...Object.keys(now), ...Object.keys(before)])];
  return names
    .filter((name) => JSON.stringify(now[name]) !== JSON.stringify(before[name]))
    .map((name) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`))
    .map((name) => (isFeedOption(name) ? name : name.replace(/-ms$/, '')))
    .filter(isFeedOption);
}
