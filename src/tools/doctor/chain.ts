/** Checks whether the chain of a feed can be loaded, in the same child process that would run it. */
import type { FeedOptions } from '../../base/config/options.js';
import { ChainChild } from '../../ingest/chains/child.js';
import { type Finding, fail, ok } from './words.js';

export async function checkChain(name: string, { name: feed, process }: FeedOptions): Promise<Finding> {
  const child = new ChainChild({ feed, options: process!, printed: () => {}, onEnd: () => {} });
  try {
    const why = await child.whyUnloadable;
    if (why !== undefined)
      return fail(name, why, 'correct the chain or its module; `ingest-ctl process FILE` tries it');
    return ok(
      name,
      `the chain can be loaded${process!.module === undefined ? '' : `, with its module ${process!.module}`}`,
    );
  } finally {
    child.end();
  }
}
