/**
 * The runs that the unchanged build passes and that each mutant must fail. Each returns the violations that it found.
 * The short ones play one moment by hand; the power cuts are those of power.ts.
 */

import { isRoot } from '../world/users.js';
import { frozenInstants } from './frozen.js';
import { doorbell } from './mutants-doorbell.js';
import { killAtStored, killInAppend, killInSidecarSeal } from './mutants-kills.js';
import { collision, openWriter, sealedFileAway, stoppedWorker } from './mutants-moments.js';
import { correctionsFail, restoredBackup } from './mutants-operator.js';
import { callOrder, killAtLines, killAtOutputs, killAtSeals } from './mutants-order.js';
import { racingWriters } from './mutants-racers.js';
import type { Found, RunParts } from './mutants-world.js';
import { powerCuts } from './power.js';
import { whyNoPowerCuts } from './power-disks.js';

/** `rounds`: cuts, moments or tries. Returns a sentence where it cannot run here. */
type Run = (parts: RunParts) => Promise<{ found: Found[]; rounds: number } | string>;

const once =
  (run: (parts: RunParts) => Promise<Found[] | string>): Run =>
  async (parts) => {
    const found = await run(parts);
    return typeof found === 'string' ? found : { found, rounds: 1 };
  };

const power =
  (layout: 'apart' | 'joined'): Run =>
  async ({ seed, env, cuts: most }) => {
    const why = whyNoPowerCuts();
    if (why !== undefined) return why;
    const { violations, cuts } = await powerCuts({ seed, cuts: most, layout, env });
    return { found: violations, rounds: cuts };
  };

const frozen: Run = async ({ seed, env }) => {
  if (!isRoot) return 'not run as root: frozen instants of copies to another filesystem were not tested';
  const { violations, moments } = await frozenInstants({ seed, moments: 100, env });
  return { found: violations, rounds: moments };
};

export const runs = {
  'power apart': power('apart'),
  'power joined': power('joined'),
  'call order': once(callOrder),
  'kills at seals': once(killAtSeals),
  'kills at lines': once(killAtLines),
  'kills at outputs': once(killAtOutputs),
  'append kills': once(killInAppend),
  'kill at stored': once(killAtStored),
  'sidecar kills': once(killInSidecarSeal),
  'stopped worker': once(stoppedWorker),
  'open writer': once(openWriter),
  'racing writers': once(racingWriters),
  collision: once(collision),
  'sealed file away': once(sealedFileAway),
  'frozen instants': frozen,
  doorbell: once(doorbell),
  'corrections fail': once(correctionsFail),
  'restored backup': once(restoredBackup),
} satisfies Record<string, Run>;

export type RunName = keyof typeof runs;
