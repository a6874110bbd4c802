/** The acts of a stranger in the warehouse: takes files, puts others in their place, clears up. */
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { withdraw } from './exceptions.js';
import { type Game, NAMES } from './game.js';
import { retryHeld } from './run.js';
import { done, nameAgain, pick, type Verb } from './verb.js';

/** A foreign file of the same size: the size proves nothing. */
function spoil(game: Game, path: string): void {
  const of = game.model.gens.filter((gen) => gen.path === path);
  for (const gen of of.filter(({ lies }) => lies)) {
    gen.lies = false;
    if (gen.truth === 'stored') gen.truth = 'gone';
  }
  game.putForeign(path, game.contents[of[0]!.k]!.bytes.length);
}

export const CONSUMER_VERBS: Record<string, Verb> = {
  take: {
    weight: 5,
    byHand: true,
    act: ({ model, world }, { a }) => {
      const gen = pick(
        model.gens.filter(({ lies }) => lies),
        a,
      );
      if (!gen) return;
      renameSync(gen.path!, join(world.root, `taken-${gen.id}`));
      gen.lies = false;
      if (gen.truth === 'stored') gen.truth = 'gone';
    },
  },
  foreign: {
    weight: 5,
    byHand: true,
    act: (game, { a, b }) => {
      const gens = game.model.gens.filter(({ path, truth }) => path && (truth === 'lined' || b % 3 > 0));
      const gen = pick(gens, a);
      if (gen) spoil(game, gen.path!);
    },
  },
  // The withdrawal is held, and its name comes again.
  'withdraw a spoilt one': {
    weight: 7,
    next: ['discard', 'discard', 'load again', 'load again', 'clear'],
    act: async (game, step) => {
      if (game.model.standing().length === 0) {
        game.drop(NAMES[0]!, 0);
        await game.run();
      }
      const gen = pick(game.model.standing(), step.b);
      if (!gen) return;
      spoil(game, gen.path!);
      await withdraw(game, { ...step, a: 3, b: game.model.gens.indexOf(gen) });
      await game.run();
      if (step.c % 4 > 0) game.drop(nameAgain(gen), step.c % 4 === 1 ? gen.k : 1, 'none');
    },
  },
  clear: {
    weight: 5,
    act: async (game, { b, fault }) => {
      game.clearForeign();
      if (b % 2 === 0) return;
      await done(game.ctl(['retry', '--all'], fault));
      retryHeld(game.model);
    },
  },
};
