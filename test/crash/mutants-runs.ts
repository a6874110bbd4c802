/**
 * The runs that the unchanged build passes and that each mutant must fail. Each answers the violations that it found.
 * The short ones play one moment by hand; the power cuts are those of power.ts.
 */
import { isRoot } from '../world/users.js';
import { frozenInstants } from './frozen.js';
import { killAtStored, killInAppend, killInSidecarSeal } from './mutants-kills.js';
import { collision, doorbell, openWriter, racingWriters, sealedFileAway, stoppedWorker } from './mutants-moments.js';
import type { Found, RunParts } from './mutants-world.js';
import { powerCuts } from './power.js';
import { whyNoPowerCuts } from './power-disks.js';

/** A sentence where it cannot be run here. */
type Run = (parts: RunParts) => Promise<Found[] | string>;

const power =
  (layout: 'apart' | 'joined'): Run =>
  async ({ seed, env, cuts }) =>
    whyNoPowerCuts() ?? (await powerCuts({ seed, cuts, layout, env })).violations;

const frozen: Run = async ({ seed, env }) =>
  isRoot
    ? (await frozenInstants({ seed, moments: 100, env })).violations
    : 'not run as root: frozen instants of copies to another filesystem were not tested';

export const runs = {
  'power apart': power('apart'),
  'power joined': power('joined'),
  'append kills': killInAppend,
  'kill at stored': killAtStored,
  'sidecar kills': killInSidecarSeal,
  'stopped worker': stoppedWorker,
  'open writer': openWriter,
  'racing writers': racingWriters,
  collision,
  'sealed file away': sealedFileAway,
  'frozen instants': frozen,
  doorbell,
} satisfies Record<string, Run>;

export type RunName = keyof typeof runs;
