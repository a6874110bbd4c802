/**
 * Decides which names in an input are candidates, and says in a sentence why a name is not one. The producer,
 * `ingest-ctl explain` and `--dry-run` use the same rules.
 * Guarantees: a directory that is not entered hides everything below it, so each part of a path is judged.
 * Does not: read the disk. Callers pass what they found of a file (`whyNot`).
 */
import { relative } from 'node:path';
import type { FeedOptions } from '../../base/config/options.js';
import { exactBytes } from '../../base/telemetry/safe.js';
import { baseOf, folderOf } from '../../files/job-paths.js';
import { isOfFilesystemAt } from '../../files/of-filesystem.js';
import type { Stat } from '../../linux/index.js';
import { type ByteName, nameOfText, shownName } from '../../linux/names.js';
import { matcherOf } from '../../watcher/options/globs.js';

/**
 * Suffixes that uploaders give to an unfinished file (`._COPYING_`: hdfs; `_.gstmp`: gsutil; `.part.minio`: mc), and the suffix of our
 * own notes about a file. Upper and lower case are the same.
 */
const TEMPORARY =
  /(?:\.(?:tmp|part|partial|part\.minio|filepart|crdownload|swp|_copying_|metadata\.json)|_\.gstmp|~)$/i;

export type IgnoreRule =
  | 'hidden'
  | 'temporary_name'
  | 'sidecar'
  | 'work_directory'
  | 'of_filesystem'
  | 'not_recursive'
  | 'excluded'
  | 'not_included'
  | 'not_a_file'
  | 'too_small';

export interface Ignored {
  rule: IgnoreRule;
  /** The part of the path that the rule is about. */
  sentence: string;
  /** The act that makes it a candidate. */
  release: string;
}

/** Which of the two it was is not recorded. */
const SET_BY = 'set in the configuration, or by its flag';
export const NOT_RECURSIVE = 'the option recursive is false';
export const TO_RECURSE = `set recursive to true (${SET_BY}) and restart the service, or deliver into the input itself`;

type FoundKind = Pick<Stat, 'kind' | 'size'>;

export interface Filters {
  /** The candidate that a name belongs to: the file itself, the data file of a sidecar, or none. */
  target(path: ByteName): ByteName | undefined;
  /** True where a directory is scanned and watched. */
  enters(path: ByteName): boolean;
  /**
   * The first rule that keeps a path out, its directories included. Undefined for a candidate. `isInMountRoot`: whether its
   * folder is the root of a mount.
   */
  whyNot(path: ByteName, found?: FoundKind, isInMountRoot?: () => boolean): Ignored | undefined;
}

type FilterOptions = Pick<
  FeedOptions,
  'input' | 'workDir' | 'mode' | 'sidecarSuffix' | 'recursive' | 'include' | 'exclude' | 'minBytes'
>;

export function makeFilters(feed: FilterOptions): Filters {
  const rules = new Rules(feed);
  return {
    target(path) {
      const data = rules.dataOf(path);
      return rules.ofFile(data) === undefined ? data : undefined;
    },
    enters: (path) => rules.ofDirectory(path) === undefined,
    whyNot(path, found, isInMountRoot) {
      for (const directory of directoriesOf(path)) {
        const ignored = rules.ofDirectory(directory);
        if (ignored !== undefined) return ignored;
      }
      return rules.ofFile(path, isInMountRoot) ?? (found && rules.ofFound(found));
    },
  };
}

class Rules {
  readonly #included: ((path: ByteName) => boolean) | undefined;
  readonly #excluded: ((path: ByteName) => boolean) | undefined;
  readonly #suffix: ByteName;
  readonly #work: ByteName | undefined;

  constructor(private readonly feed: FilterOptions) {
    this.#included = matcherOf(feed.include);
    this.#excluded = matcherOf(feed.exclude);
    this.#suffix = nameOfText(feed.sidecarSuffix);
    this.#work = insideOf(feed.input, feed.workDir);
  }

  /** The data file of a sidecar; any other path as it is. */
  dataOf(path: ByteName): ByteName {
    return this.#isSidecar(path) ? (path.slice(0, -this.#suffix.length) as ByteName) : path;
  }

  ofDirectory(path: ByteName): Ignored | undefined {
    const name = shownName(path);
    if (!this.feed.recursive)
      return ignored('not_recursive', `${name} is a subdirectory, and ${NOT_RECURSIVE}`, TO_RECURSE);
    if (path === this.#work)
      return ignored('work_directory', `${name} is the work directory`, 'deliver it into another folder of the input');
    if (isOfFilesystemAt(path)) return ofFilesystem(name);
    if (baseOf(path).startsWith('.'))
      return ignored(
        'hidden',
        `${name} is hidden: directories that begin with a dot are not entered`,
        'rename the directory without the dot',
      );
    return this.#excluded?.(path) ? this.#matchesExclude(path) : undefined;
  }

  ofFile(path: ByteName, isInMountRoot?: () => boolean): Ignored | undefined {
    const base = baseOf(path);
    if (isOfFilesystemAt(path, isInMountRoot)) return ofFilesystem(shownName(base));
    if (base.startsWith('.'))
      return ignored('hidden', `${shownName(base)} is hidden`, 'rename it without the dot when it is complete');
    const [suffix] = TEMPORARY.exec(base) ?? [];
    if (suffix !== undefined)
      return ignored(
        'temporary_name',
        `${shownName(base)} ends in ${suffix}, as unfinished files do`,
        'rename it when it is complete',
      );
    if (this.#isSidecar(path))
      return ignored(
        'sidecar',
        `${shownName(base)} is a sidecar: it belongs to ${shownName(baseOf(this.dataOf(path)))}, and is taken with it`,
        `deliver ${shownName(baseOf(this.dataOf(path)))}, if it is not there`,
      );
    if (this.#excluded?.(path)) return this.#matchesExclude(path);
    if (this.#included && !this.#included(path))
      return ignored(
        'not_included',
        `${shownName(path)} matches no pattern of the option include (${this.feed.include.join(' ')})`,
        `add a pattern to include (${SET_BY}) and restart the service, or give the file another name`,
      );
    return undefined;
  }

  ofFound({ kind, size }: FoundKind): Ignored | undefined {
    if (kind !== 'file')
      return ignored(
        'not_a_file',
        `it is a ${kind}: only regular files are ingested, and it is never opened`,
        'deliver a regular file',
      );
    if (size >= this.feed.minBytes) return undefined;
    return ignored(
      'too_small',
      `it has ${exactBytes(size)}, fewer than the option min-bytes, ${exactBytes(this.feed.minBytes)}`,
      `it is checked again when it changes; or lower min-bytes (${SET_BY}) and restart the service`,
    );
  }

  #matchesExclude(path: ByteName): Ignored {
    return ignored(
      'excluded',
      `${shownName(path)} matches the option exclude (${this.feed.exclude.join(' ')})`,
      `change exclude (${SET_BY}) and restart the service, or give the file another name`,
    );
  }

  #isSidecar(path: ByteName): boolean {
    return this.feed.mode === 'sidecar' && path.endsWith(this.#suffix) && baseOf(path).length > this.#suffix.length;
  }
}

const ofFilesystem = (name: string): Ignored =>
  ignored(
    'of_filesystem',
    `${name} is a name that filesystems keep for themselves, so it is no content`,
    'give it another name, if it was delivered',
  );

const ignored = (rule: IgnoreRule, sentence: string, release: string): Ignored => ({ rule, sentence, release });

function insideOf(input: string, workDir: string | undefined): ByteName | undefined {
  if (workDir === undefined) return undefined;
  const inside = relative(input, workDir);
  return inside === '' || inside === '..' || inside.startsWith('../') ? undefined : nameOfText(inside);
}

function directoriesOf(path: ByteName): ByteName[] {
  const all: ByteName[] = [];
  for (let at = folderOf(path); at !== ''; at = folderOf(at)) all.unshift(at);
  return all;
}
