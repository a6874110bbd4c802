/**
 * Turns checked values into the feeds that the rest of the program sees: real folders that do not overlap.
 * Guarantees: refuses before anything on disk is changed.
 */
import { dirname, resolve } from 'node:path';
import { OperatorError } from '../errors.js';
import { type FeedOptions, inCamelCase } from './options.js';
import type { Invocation } from './read.js';
import type { FeedValues } from './schema.js';
import { type Folder, realDirectory, realOrFuturePath, refuseOverlap, refuseWithin } from './values/directories.js';
import { parseExpectation } from './values/expect.js';
import type { ProcessOptions } from './values/process.js';
import { processFrom, processOf } from './values/read-process.js';

/** A folder of the feed that the state knows and that is away, by its real path: it had files, so a start takes it. */
export type AwayFolder = (feed: string, option: string) => string | undefined;

export function feedsOf(invocation: Invocation, away: AwayFolder): FeedOptions[] {
  const feeds = invocation.feeds.map(({ name, values }) => feedOf(invocation, name, values, away));
  const places = placesOf(invocation, feeds);
  places.forEach((a, i) => {
    for (const b of places.slice(i + 1)) refuseBoth(a, b);
  });
  return feeds;
}

function feedOf(invocation: Invocation, name: string, values: FeedValues, away: AwayFolder): FeedOptions {
  const origin = (option: string) => invocation.origin(option, name);
  const directory = (option: 'input' | 'warehouse' | 'manifests'): string => {
    const given = values[option];
    if (given === undefined) throw missing(invocation, option, name);
    return away(name, option) ?? realDirectory(origin(option), given);
  };
  if (values['max-bytes'] < values['min-bytes']) {
    throw new OperatorError(
      'bad_value',
      `${origin('max-bytes')} must be at least ${origin('min-bytes')} (${values['min-bytes']} bytes), but got ${values['max-bytes']}; no file could pass, so change one of the two.`,
    );
  }
  const folders = { input: directory('input'), warehouse: directory('warehouse'), manifests: directory('manifests') };
  const {
    process,
    expect,
    keepDuplicates: _,
    keepFailed: __,
    sameContentAgainAfter,
    keepLocal,
    ...asGiven
  } = inCamelCase(values);
  return {
    ...asGiven,
    name,
    ...folders,
    ...linksOf(folders, values),
    workDir: away(name, 'work-dir') ?? workDirOf(origin('work-dir'), asGiven.workDir),
    sameContentAgainAfterMs: sameContentAgainAfter,
    ...(keepLocal !== undefined && { keepLocalMs: keepLocal }),
    ...keepingOf(values),
    ...(process === undefined ? {} : { process: chainOf(invocation, name, process) }),
    expect: expect.map((text) => parseExpectation(text)!),
  };
}

function linksOf(folders: Pick<FeedOptions, 'input' | 'warehouse' | 'manifests'>, values: FeedValues) {
  const named = Object.entries(folders).map(([option, real]) => [option, real, resolve(values[option as 'input']!)]);
  const links = named.flatMap(([option, real, path]) => (path === real ? [] : [[option, path] as const]));
  return links.length === 0 ? {} : { links: Object.fromEntries(links) };
}

/** A module's path is relative to the file that names it. */
export function chainOf(invocation: Invocation, feed: string, given: string | object): ProcessOptions {
  const origin = invocation.origin('process', feed);
  if (typeof given === 'string') return processFrom(origin, given);
  const at = origin.indexOf(' in ');
  return processOf(given, origin.slice(0, at), origin.slice(at + ' in '.length));
}

/** How long files of a feed are kept, also where the folders of the feed are not given. */
export const keepingOf = (values: FeedValues) => ({
  keepDuplicatesMs: values['keep-duplicates'],
  duplicatesMaxBytes: values['duplicates-max-bytes'],
  keepFailedMs: values['keep-failed'],
  failedMaxBytes: values['failed-max-bytes'],
});

/** A work directory is made when it is missing (it is ours), but its parent must be there. */
function workDirOf(origin: string, given: string | undefined): string | undefined {
  if (given === undefined) return undefined;
  const path = realOrFuturePath(given);
  realDirectory(`the parent of ${origin}`, dirname(path));
  return path;
}

function missing(invocation: Invocation, option: string, feed: string): OperatorError {
  const where = feed === 'default' ? '' : ` for the feed ${feed}`;
  return new OperatorError(
    'missing_option',
    `--${option} is needed${where} and must be the path of a directory, but was not given; add --${option} DIR, or see ${invocation.spec.name} --help.`,
  );
}

interface FeedPlace extends Folder {
  feed: string;
  option: 'input' | 'warehouse' | 'manifests' | 'work-dir' | 'publish';
}

export const placesOf = (invocation: Invocation, feeds: readonly FeedOptions[]): FeedPlace[] =>
  feeds.flatMap(({ name, input, warehouse, manifests, workDir, publish, publishEndpoint = '' }) => {
    const prefix = publish && `${publishEndpoint}${publish.replace(/\/$/, '')}/${name}`;
    const places = { input, warehouse, manifests, 'work-dir': workDir, publish: prefix };
    return (Object.entries(places) as [FeedPlace['option'], string?][]).flatMap(([option, path]) =>
      path === undefined ? [] : [{ feed: name, option, origin: invocation.origin(option, name), path }],
    );
  });

/** No two places lie in one another, but where a comment says so. */
function refuseBoth(a: FeedPlace, b: FeedPlace): void {
  if (a.feed === b.feed && a.option === 'input' && b.option === 'work-dir') {
    // A work directory inside its input is left out of the scan; an input inside its work directory would ingest itself.
    refuseWithin(a, b);
    return;
  }
  // Two feeds may share a warehouse and manifests: one state owns both.
  const isShared = a.option === b.option && a.path === b.path && SHARED.includes(a.option);
  if (!isShared) refuseOverlap(a, b);
}

const SHARED: readonly string[] = ['warehouse', 'manifests'];
