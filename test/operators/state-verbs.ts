/** Acts on the state itself: backup, restore, loss, rebuild. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault } from '../crash/control.js';
import { Differs, type Game } from './game.js';
import { done, type Step, type Verb } from './verb.js';

export const STATE_VERBS: Record<string, Verb> = {
  backup: {
    weight: 8,
    next: ['load again', 'withdraw', 'replace'],
    act: async (game, { fault }) => {
      const file = join(game.world.root, `backup-${game.model.backups.length}.db`);
      const { code, killed } = await game.ctl(['backup', file], fault);
      if (code !== 0 && !killed) throw new Differs(`backup ended with ${code}`);
      if (code === 3) {
        rmSync(file);
        await done(game.ctl(['backup', file]));
      }
      game.each(() => game.model.backups.push(game.model.snapshot(file)));
    },
  },
  restore: {
    weight: 7,
    act: async (game, step) => {
      const { backups } = game.model;
      const at = Math.max(backups.length - 2, 0) + (step.a % Math.min(backups.length, 2));
      if (backups.length > 0) await restore(game, at, step);
    },
  },
  lose: {
    weight: 7,
    act: async (game, { b, fault }) => {
      game.loseState();
      if (b % 3 === 0) await ends(game, 'once', [3], 'a start without its state');
      await ends(game, 'rebuild', [0], 'a rebuild of a lost state', fault);
      game.each(() => {
        game.model.rebuilt();
        game.model.allSeen();
      });
    },
  },
  rebuild: {
    weight: 4,
    act: async (game, { fault }) => {
      await ends(game, 'rebuild', [0], 'a rebuild of a good state', fault);
      game.each(() => {
        game.model.rebuilt(game.model.snapshot('as it is'));
        game.model.allSeen();
      });
    },
  },
};

async function ends(game: Game, act: 'once' | 'rebuild', codes: number[], what: string, fault?: Fault): Promise<void> {
  const { code, out, err } = await game[act](fault);
  if (!codes.includes(code!))
    throw new Differs(`${what} ended with ${code}, and not with ${codes.join(' or ')}: ${out}${err}`);
}

/**
 * A start is refused exactly if the disk has a line or a correction that the backup does not know. A rebuild takes every
 * backup.
 */
async function restore(game: Game, at: number, { b, fault }: Step): Promise<void> {
  game.restore(game.model.backups[at]!.file);
  const lack = game.sides.map(({ model }) => model.lacks(model.backups[at]!));
  if (b % 2 === 0 && lack.includes(true)) await ends(game, 'once', [3], 'a start on a restored state');
  await ends(game, 'rebuild', [0], 'a rebuild of a restored state', fault);
  for (const { model } of game.sides) {
    model.rebuilt(model.backups[at]!);
    model.allSeen();
  }
}
