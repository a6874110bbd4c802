/** Describes what the shared ledger has about a content that this state does not know. */
import type { Rows } from '../../fleet/connection.js';
import { whereIs } from '../../fleet/view.js';
import type { Explained } from './explain.js';
import { shown, verdict } from './words.js';

const SHA256 = /^[0-9a-f]{64}$/i;

/** Errors: SharedError. */
export async function explainElsewhere(shared: Rows, word: string, here: Explained): Promise<Explained> {
  const sentences = SHA256.test(word)
    ? (await whereIs(shared, Buffer.from(word, 'hex'))).map(
        ({ feed, generation, host, state, target, held, heldSince }) => {
          const what = `feed ${feed}${generation > 1 ? `, generation ${generation}` : ''}`;
          if (state === 'stored') return `Host ${host} has stored it (${what})${target ? ` as ${shown(target)}` : ''}.`;
          if (held !== null) return `Host ${host} carries it (${what}); it is held there since ${heldSince}: ${held}.`;
          return `Host ${host} carries it (${what}); it is not stored yet.`;
        },
      )
    : ['The shared ledger knows contents by their SHA-256 alone: ask for that (sha256sum FILE).'];
  const isKnown = SHA256.test(word) && sentences.length > 0;
  const said = sentences.length > 0 ? sentences : ['No other host that shares the ledger knows it.'];
  return {
    text: [here.text, ...said].join('\n  '),
    json: { ...(here.json as object), elsewhere: { ...verdict(isKnown ? 'elsewhere' : 'unknown', said) } },
    isKnown,
  };
}
