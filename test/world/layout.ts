/**
 * The directories of a world's feeds, and how a command gets them: by flags for one feed, by a configuration file for
 * many.
 */
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Names of flags in camelCase (`stabilitySeconds`); `false` becomes `--no-…`, a list repeats the flag. */
export type Options = Record<string, string | number | boolean | readonly string[] | Chain | undefined>;
/** Options that only a configuration file can have: `process`. */
export interface Chain {
  [key: string]: unknown;
}

export interface FeedPlan {
  /** Given mount points or directories; those left out are made in the world's own directory. */
  input?: string;
  warehouse?: string;
  manifests?: string;
  workDir?: string;
  options?: Options;
}

export interface Feed {
  name: string;
  input: string;
  warehouse: string;
  manifests: string;
  workDir: string | undefined;
  options: Options;
}

export function planFeed(root: string, name: string, alone: boolean, plan: FeedPlan): Feed {
  const home = alone ? root : join(root, name);
  return {
    name,
    input: plan.input ?? join(home, 'input'),
    warehouse: plan.warehouse ?? join(home, 'warehouse'),
    manifests: plan.manifests ?? join(home, 'manifests'),
    workDir: plan.workDir,
    options: plan.options ?? {},
  };
}

/** The work directory in use: the given one, the sibling of the input, or the one inside it. */
export function workDirOf(feed: Feed): string {
  if (feed.workDir !== undefined) return feed.workDir;
  const inside = join(feed.input, '.ingest');
  return existsSync(inside) ? inside : join(dirname(feed.input), `.${basename(feed.input)}.ingest`);
}

export const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

export function asFlags(options: Options): string[] {
  return Object.entries(options).flatMap(([name, value]) => {
    if (value === undefined) return [];
    if (typeof value === 'object' && !Array.isArray(value))
      throw new Error(`--${kebab(name)}: only a file can say that`);
    if (typeof value === 'boolean') return [value ? `--${kebab(name)}` : `--no-${kebab(name)}`];
    // `--include=-x` and not two words, because a value may begin with a dash.
    return [value].flat().map((one) => `--${kebab(name)}=${one}`);
  });
}

export const placesOf = ({ input, warehouse, manifests, workDir }: Feed): Options => ({
  input,
  warehouse,
  manifests,
  workDir,
});

/** JSON is YAML: the configuration file for these feeds. */
export function asConfiguration(feeds: readonly Feed[], options: Options): string {
  const keyed = (given: Options) =>
    Object.fromEntries(Object.entries(given).map(([name, value]) => [kebab(name), value]));
  const perFeed = feeds.map((feed) => [feed.name, { ...keyed(placesOf(feed)), ...keyed(feed.options) }]);
  return JSON.stringify({ ...keyed(options), feeds: Object.fromEntries(perFeed) }, null, 2);
}
