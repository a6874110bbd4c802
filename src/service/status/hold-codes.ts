/** The codes of held files, and the sentence for a word that is not one of them. */
import type { QueueView } from '../../../queue/index.js';
import { suggestion } from '../../base/config/values/nearest.js';
import { CATALOGUE } from '../../base/errors.js';
import { PAUSED } from '../../ingest/health/pause.js';

/** Codes of gates: they hold no file. */
const OF_GATES = ['low_space', 'low_inodes', PAUSED, 'unloadable', 'no_condition', 'prefix_taken', 'marker_gone'];
const LISTED = Object.keys(CATALOGUE).filter((code) => CATALOGUE[code]!.exit === null && !OF_GATES.includes(code));

/** A clause without its full stop; undefined if `code` is one. The last error of a held file may be any error of the kernel. */
export function whyNoHoldCode(view: Pick<QueueView, 'heldFor'>, word: string): string | undefined {
  const codes = [...new Set([...LISTED, ...view.heldFor().map(({ code }) => code)])];
  if (codes.includes(word)) return undefined;
  return `${JSON.stringify(word)} is no reason for which a file is held; ${suggestion(word, codes)}the reasons are ${codes.join(', ')}`;
}
