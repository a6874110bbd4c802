/** The reasons for which files are held, and what is said of a word that is none of them. */
import type { QueueView } from '../../../queue/index.js';
import { suggestion } from '../../base/config/values/nearest.js';
import { CATALOGUE } from '../../base/errors.js';

/** Codes of gates: they hold no file. */
const OF_GATES = ['low_space', 'low_inodes', 'paused', 'unloadable'];
const LISTED = Object.keys(CATALOGUE).filter((code) => CATALOGUE[code]!.exit === null && !OF_GATES.includes(code));

/** A clause without its full stop; undefined where it is one. The last error of a file that is held may be any of the kernel's. */
export function whyNoHoldCode(view: Pick<QueueView, 'heldFor'>, word: string): string | undefined {
  const codes = [...new Set([...LISTED, ...view.heldFor().map(({ code }) => code)])];
  if (codes.includes(word)) return undefined;
  return `${JSON.stringify(word)} is no reason for which a file is held; ${suggestion(word, codes)}the reasons are ${codes.join(', ')}`;
}
