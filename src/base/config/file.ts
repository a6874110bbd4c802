/**
 * The YAML file: keys are the flags' names; feeds stand under `feeds.NAME`, and a feed's option at the top level holds
 * for every feed that does not set it.
 * Guarantees: unknown keys are refused with the nearest known one.
 * Does not: check values; read.ts does.
 */
import { OperatorError } from '../errors.js';
import { feedFields, isFeedOption, serviceFields } from './schema.js';
import { EXPECT_KEYS } from './values/expect.js';
import { limits } from './values/limits.js';
import { suggestion } from './values/nearest.js';
import { kindOf, readYaml } from './values/yaml.js';

export interface ConfigFile {
  path: string;
  top: Map<string, unknown>;
  feeds: Map<string, Map<string, unknown>>;
}

/** Options of one call make no sense in a file that all calls share. */
export const NOT_IN_FILE = ['once', 'dry-run', 'stage'];
const SERVICE_KEYS = Object.keys(serviceFields).filter((name) => !NOT_IN_FILE.includes(name));
const TOP_KEYS = ['feeds', ...Object.keys(feedFields), ...SERVICE_KEYS];
const FEED_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

export function readConfigFile(path: string): ConfigFile {
  const root = readYaml('--config', path);
  const top = entriesOf(root, path, 'the file');
  const feeds = new Map<string, Map<string, unknown>>();
  for (const key of top.keys()) refuseUnknown(key, TOP_KEYS, path, '');
  refuseUnknownIn(top, path, '');
  const named = top.get('feeds');
  top.delete('feeds');
  if (named === undefined) return { path, top, feeds };
  for (const [name, options] of entriesOf(named, path, '`feeds`', true)) {
    if (!FEED_NAME.test(name) || name.length > limits.feedNameCharsMax) {
      throw new OperatorError(
        'bad_feed_name',
        `the name of a feed must be 1 to ${limits.feedNameCharsMax} letters, digits, dots, dashes and underscores, but ${path} has ${JSON.stringify(name)} under feeds; rename it.`,
      );
    }
    const values = entriesOf(options, path, `feeds.${name}`);
    for (const key of values.keys()) {
      if (!isFeedOption(key)) refuseUnknown(key, Object.keys(feedFields), path, `feeds.${name}.`);
    }
    refuseUnknownIn(values, path, `feeds.${name}.`);
    feeds.set(name, values);
  }
  if (feeds.size === 0 || feeds.size > limits.feedsMax) {
    throw new OperatorError(
      'bad_feed_count',
      `${path} must name 1 to ${limits.feedsMax} feeds under feeds, but has ${feeds.size}; add one, or remove the key.`,
    );
  }
  return { path, top, feeds };
}

/** A key without a value is not there, except a feed: all of its options may stand at the top level. */
function entriesOf(value: unknown, path: string, where: string, keepsEmpty = false): Map<string, unknown> {
  if (value === null || value === undefined) return new Map();
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new OperatorError(
      'bad_config_file',
      `${where} in ${path} must have keys with values, but is ${kindOf(value)}; write one "option: value" a line.`,
    );
  }
  return new Map(Object.entries(value).filter(([, item]) => keepsEmpty || (item !== null && item !== undefined)));
}

function refuseUnknown(key: string, known: readonly string[], path: string, prefix: string): void {
  if (known.includes(key)) return;
  const place =
    prefix !== '' && SERVICE_KEYS.includes(key) ? 'it holds for all feeds and stands at the top level; ' : '';
  const hint = place || suggestion(key, known, prefix);
  throw new OperatorError(
    'unknown_key',
    `${JSON.stringify(prefix + key)} in ${path} is not a known key; ${hint}ingest --help-all lists the options.`,
  );
}

/** Expectations may be written with keys of their own. */
function refuseUnknownIn(values: Map<string, unknown>, path: string, prefix: string): void {
  const expected = values.get('expect');
  for (const item of Array.isArray(expected) ? expected : [])
    if (typeof item === 'object' && item !== null)
      for (const key of Object.keys(item)) refuseUnknown(key, EXPECT_KEYS, path, `${prefix}expect.`);
}
