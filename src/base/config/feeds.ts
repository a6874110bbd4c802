/**
 * Turns checked values into the feeds that the rest of the program sees: real folders that do not overlap.
 * Guarantees: refuses before anything on disk is changed.
 */
import { dirname, resolve } from 'node:path';
import { OperatorError } from '../errors.js';
import { inCamelCase } from './camel.js';
import type { FeedOptions } from './options.js';
import type { Invocation } from './read.js';
import type { FeedValues } from './schema.js';
import { type Folder, realDirectory, realOrFuturePath, refuseOverlap, refuseWithin } from './values/directories.js';
import { parseExpectation } from './values/expect.js';
import type { ProcessOptions } from './values/process.js';
import { processFrom, processOf } from './values/read-process.js';

export function feedsOf(invocation: Invocation): FeedOptions[] {
  const feeds = invocation.feeds.map(({ name, values }) => feedOf(invocation, name, values));
  for (const feed of feeds) checkOne(invocation, feed);
  feeds.forEach((a, i) => {
    for (const b of feeds.slice(i + 1)) checkPair(invocation, a, b);
  });
  return feeds;
}

function feedOf(invocation: Invocation, name: string, values: FeedValues): FeedOptions {
  const origin = (option: string) => invocation.origin(option, name);
  const directory = (option: 'input' | 'warehouse' | 'manifests'): string => {
    const given = values[option];
    if (given === undefined) throw missing(invocation, option, name);
    return realDirectory(origin(option), given);
  };
  if (values['max-bytes'] < values['min-bytes']) {
    throw new OperatorError(
      'bad_value',
      `${origin('max-bytes')} must be at least ${origin('min-bytes')} (${values['min-bytes']} bytes), but got ${values['max-bytes']}; no file could pass, so change one of the two.`,
    );
  }
  const folders = { input: directory('input'), warehouse: directory('warehouse'), manifests: directory('manifests') };
  const { process, expect, keepDuplicates: _, keepFailed: __, sameContentAgainAfter, ...asGiven } = inCamelCase(values);
  return {
    ...asGiven,
    name,
    ...folders,
    ...linksOf(folders, values),
    workDir: workDirOf(origin('work-dir'), asGiven.workDir),
    sameContentAgainAfterMs: sameContentAgainAfter,
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

const folder = (invocation: Invocation, feed: FeedOptions, option: string, path: string): Folder => ({
  origin: invocation.origin(option, feed.name),
  path,
});

function checkOne(invocation: Invocation, feed: FeedOptions): void {
  const input = folder(invocation, feed, 'input', feed.input);
  const warehouse = folder(invocation, feed, 'warehouse', feed.warehouse);
  const manifests = folder(invocation, feed, 'manifests', feed.manifests);
  refuseOverlap(input, warehouse);
  refuseOverlap(input, manifests);
  refuseOverlap(warehouse, manifests);
  if (feed.workDir === undefined) return;
  const work = folder(invocation, feed, 'work-dir', feed.workDir);
  refuseOverlap(work, warehouse);
  refuseOverlap(work, manifests);
  // A work directory inside the input is left out of the scan; an input inside its work directory would ingest itself.
  refuseWithin(input, work);
}

/** Two feeds may share a warehouse and manifests (one state owns both), but never an input or a way into one. */
function checkPair(invocation: Invocation, a: FeedOptions, b: FeedOptions): void {
  const of = (feed: FeedOptions, option: string, path: string) => folder(invocation, feed, option, path);
  refuseOverlap(of(a, 'input', a.input), of(b, 'input', b.input));
  for (const [one, other] of [
    [a, b],
    [b, a],
  ] as const) {
    const input = of(one, 'input', one.input);
    refuseOverlap(input, of(other, 'warehouse', other.warehouse));
    refuseOverlap(input, of(other, 'manifests', other.manifests));
    refuseOverlap(of(one, 'warehouse', one.warehouse), of(other, 'manifests', other.manifests));
    if (other.workDir === undefined) continue;
    const work = of(other, 'work-dir', other.workDir);
    refuseOverlap(work, input);
    refuseOverlap(work, of(one, 'warehouse', one.warehouse));
    refuseOverlap(work, of(one, 'manifests', one.manifests));
  }
  if (a.workDir !== undefined && b.workDir !== undefined) {
    refuseOverlap(of(a, 'work-dir', a.workDir), of(b, 'work-dir', b.workDir));
  }
  if (a.warehouse !== b.warehouse) {
    refuseOverlap(of(a, 'warehouse', a.warehouse), of(b, 'warehouse', b.warehouse));
  }
  if (a.manifests !== b.manifests) {
    refuseOverlap(of(a, 'manifests', a.manifests), of(b, 'manifests', b.manifests));
  }
}
