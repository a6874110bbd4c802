/** Interprets the text of a search, typed or copied from the page. Pure. */
import type { FeedOptions } from '../../../base/config/options.js';

/** Parts of paths to search for: below the input and below the warehouse of a feed for which the text means something. */
export type Part = NonNullable<ReturnType<typeof partOf>>;

const JOB = /(?:^|\/)([0-9A-HJKMNP-TV-Z]{26})(?:\.(?:ok|tmp|copy))?(?:~|$)/i;
const HEAD_DIGITS_MIN = 6;
const HEAD = new RegExp(`^[0-9a-f]{${HEAD_DIGITS_MIN},64}$`, 'i');

export function meaningOf(typed: string, feeds: readonly Pick<FeedOptions, 'name' | 'input' | 'warehouse'>[]) {
  const text = unescaped(typed.trim());
  return {
    /** A job's id, alone or at the head of a name in a work directory. */
    job: JOB.exec(text)?.[1]?.toUpperCase(),
    /** The first hexadecimal digits of a hash, in lower case. */
    head: HEAD.test(text) ? text.toLowerCase() : undefined,
    parts: feeds.flatMap((feed) => partOf(text, feed) ?? []),
  };
}

/** The page and the commands write a control character as `\u000a`. */
const unescaped = (text: string): string =>
  text.replace(/\\u([0-9a-f]{4})/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

/** Undefined where the text names another feed, or a place of another one. */
function partOf(text: string, { name: feed, input, warehouse }: Pick<FeedOptions, 'name' | 'input' | 'warehouse'>) {
  if (text.startsWith('/')) {
    const [source, target] = [below(input, text), below(warehouse, text)];
    if (source === undefined && target === undefined) return { feed, source: text, target: text };
    return { feed, source: source ?? '', target: target ?? '' };
  }
  // With several feeds the page writes `feed: path`.
  const rest = text.startsWith(`${feed}: `) ? text.slice(feed.length + 2) : text;
  return { feed, source: rest.replace(/^\.\//, ''), target: rest };
}

const below = (root: string, path: string): string | undefined =>
  path.startsWith(`${root}/`) && path.length > root.length + 1 ? path.slice(root.length + 1) : undefined;
