/** The acts of a stranger in the warehouse: takes files, puts others in their place, clears up. */
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { withdraw } from './exceptions.js';
import { Differs, type Game } from './game.js';
import { type Generation, outputOf } from './model.js';
import { HOUR_MS, NAMES } from './plan.js';
import { retryHeld } from './run.js';
import { done, nameAgain, pick, prune, type Verb } from './verb.js';

/** A foreign file of the same size: the size proves nothing. */
function spoil(game: Game, path: string): void {
  const of = game.sides.flatMap(({ model }) => model.gens.filter((gen) => gen.path === path));
  for (const gen of of) if (gen.lies) isGone(gen);
  game.putForeign(path, game.contents[of[0]!.k]!.bytes.length);
}

function isGone(gen: Generation): void {
  gen.lies = false;
  if (gen.truth === 'stored') gen.truth = 'gone';
}

function takeFile(game: Game, gen: Generation): void {
  renameSync(gen.path!, join(game.world.root, `taken-${gen.id}`));
  isGone(gen);
}

function takeOutput(game: Game, gen: Generation): void {
  gen.outputTo = join(game.world.root, `taken-output-${gen.id}`);
  renameSync(outputOf(gen), gen.outputTo);
  gen.hasOutput = false;
}

export const CONSUMER_VERBS: Record<string, Verb> = {
  take: {
    weight: 5,
    byHand: true,
    act: (game, { a, b }) => {
      const gens = game.model.gens.filter(({ lies, out }) => lies && out === undefined);
      const gen = pick(gens, a);
      if (!gen) return;
      if (b % 3 < 2) takeFile(game, gen);
      if (gen.hasOutput && b % 3 > 0) takeOutput(game, gen);
    },
  },
  // A consumer takes all that a line names, and then the other feed brings the same under the same name.
  'the same elsewhere': {
    weight: 6,
    next: ['withdraw', 'withdraw', 'withdraw, then prune', 'withdraw, then prune', 'lose', 'prune'],
    act: async (game, { a, b }) => {
      const lying = () =>
        game.model.gens.filter(({ truth, lies, out }) => truth === 'stored' && lies && out === undefined);
      if (lying().length === 0) {
        game.drop(NAMES[0]!, 0);
        await game.run();
      }
      const gen = pick(lying(), a);
      if (!gen) return;
      takeFile(game, gen);
      if (gen.hasOutput) takeOutput(game, gen);
      game.passes(61_000);
      await game.run();
      game.turnTo(b);
      game.drop(nameAgain(gen), gen.k);
    },
  },
  // The record of a line that stands is forgotten before the files of another one are taken out.
  'withdraw, then prune': {
    weight: 3,
    next: ['lose', 'restore'],
    act: async (game, step) => {
      game.passes(HOUR_MS / 4);
      await game.run(); // until then names of stored files are reserved, and their records stay
      await withdraw(game, step);
      await prune(game, 1, step.fault);
    },
  },
  // An audit finds an output that comes back after its line was withdrawn, and its advice works.
  'put back': {
    weight: 4,
    act: async (game, { a }) => {
      const all = game.sides.flatMap(({ model }) => model.gens);
      const back = game.model.gens.filter((gen) => {
        const isAlone = all.every((other) => other === gen || other.path !== gen.path);
        return gen.truth === 'withdrawn' && gen.out === undefined && gen.outputTo !== undefined && isAlone;
      });
      const gen = pick(back, a);
      if (!gen) return;
      const path = outputOf(gen);
      renameSync(gen.outputTo!, path);
      Object.assign(gen, { hasOutput: true, outputTo: undefined });
      const { out: told } = await game.ctl(['audit', '--hash', '--json']);
      if (!told.includes(`"corrected_but_there"`) || !told.includes(path))
        throw new Differs(`audit does not say that ${path} lies there: ${told}`);
      await done(game.ctl(['withdraw', path, ...game.ofFeed, '--reason', 'by the test']));
      gen.out = 'due';
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
      game.each(() => retryHeld(game.model));
    },
  },
};
