/** The acts of an operator, an uploader and a consumer: each verb with its weight and its effect on the world and the model. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stagesUsed } from '../../src/base/config/values/stage-names.js';
import { CONSUMER_VERBS } from './consumer-verbs.js';
import { allowAgain, withdraw } from './exceptions.js';
import type { Sidecar, Stage } from './model.js';
import { HOUR_MS, MAX_BYTES, NAMES } from './plan.js';
import { discardHeld, retryHeld } from './run.js';
import { STATE_VERBS } from './state-verbs.js';
import { done, nameAgain, pick, prune, type Verb } from './verb.js';

const STAGES = stagesUsed([]) as Stage[];

/** Mostly one name and few contents, so that paths are used again. */
const nameOf = (n: number): string => NAMES[[0, 0, 0, 1, 2][n % 5]!]!;
const kindOf = (n: number): number => [0, 0, 0, 1, 1, 2, 3][n % 7]!;

const sidecarOf = (n: number): Sidecar => (n % 7 === 0 ? 'wrong' : n % 7 === 1 ? 'none' : 'right');

export const VERBS: Record<string, Verb> = {
  drop: {
    weight: 20,
    byHand: true,
    act: (game, { a, b, c }) => game.drop(nameOf(a), kindOf(b), sidecarOf(c)),
  },
  twins: {
    weight: 5,
    byHand: true,
    act: (game, { a, b }) => {
      for (const name of NAMES.slice(a % 2)) game.drop(name, kindOf(b));
    },
  },
  withdraw: { weight: 14, next: ['load again', 'restore', 'lose', 'drop'], act: withdraw },
  'allow-again': { weight: 11, act: allowAgain },
  // Together, these three load a file once more.
  replace: {
    weight: 8,
    next: ['lose', 'restore', 'withdraw'],
    act: async (game, step) => {
      await withdraw(game, step);
      if (step.c % 3 > 0) await game.run();
      game.passes(61_000);
      if (step.c % 2 === 0) await allowAgain(game, { ...step, a: 0 });
      const gen = pick(game.model.gens, step.b);
      if (gen) game.drop(nameAgain(gen), step.c % 2 === 0 ? gen.k : 1 - (gen.k % 2));
    },
  },
  'load again': {
    weight: 6,
    next: ['retry', 'retry', 'retry', 'lose', 'restore', 'withdraw'],
    act: async (game, step) => {
      const { gens } = game.model;
      const withdrawn = gens.filter(({ truth }) => truth === 'withdrawn');
      const held = withdrawn.filter(({ out }) => out === 'held');
      const gen = pick([held, withdrawn].find(({ length }) => length > 0) ?? gens, step.b);
      if (!gen) return;
      if (step.c % 4 > 0) game.clearForeign();
      await allowAgain(game, { ...step, a: 0, b: gens.indexOf(gen) });
      game.drop(nameAgain(gen), gen.k);
    },
  },
  ...CONSUMER_VERBS,
  retry: {
    weight: 3,
    act: async (game, { fault }) => {
      await done(game.ctl(['retry', '--all'], fault));
      game.each(() => retryHeld(game.model));
    },
  },
  discard: {
    weight: 4,
    act: async (game, { fault }) => {
      await done(game.ctl(['resume']));
      game.each(() => game.model.paused.clear());
      await done(game.ctl(['discard', '--all'], fault));
      game.each(() => discardHeld(game.model));
      await game.run(); // until then nothing on disk says so
    },
  },
  ...STATE_VERBS,
  prune: {
    weight: 4,
    act: (game, { a, fault }) => prune(game, [1, 3, 60][a % 3]!, fault),
  },
  learn: {
    weight: 3,
    act: async (game, { a, fault }) => {
      const [k, folder] = [kindOf(a), join(game.world.root, 'elsewhere')];
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, `${k}.csv`), game.contents[k]!.bytes);
      const learntMs = game.nowMs;
      await done(game.ctl(['learn', folder, '--feed', game.feed], fault));
      rmSync(folder, { recursive: true });
      if (!game.model.newest(k)) game.model.learnt.set(k, learntMs);
    },
  },
  pause: {
    weight: 6,
    act: async (game, { a, fault }) => {
      const stage = pick([...STAGES, 'move', 'move'] as Stage[], a)!;
      await done(game.ctl(['pause', stage], fault));
      game.each(() => game.model.paused.add(stage));
    },
  },
  resume: {
    weight: 7,
    act: async (game, { fault }) => {
      await done(game.ctl(['resume'], fault));
      game.each(() => game.model.paused.clear());
    },
  },
  options: {
    weight: 4,
    byHand: true,
    act: (game, { a, b }) => {
      const { model } = game;
      if (a % 3 === 0) model.againAfterMs = b % 2 === 0 ? HOUR_MS : undefined;
      else if (a % 3 === 1) model.maxBytes = b % 2 === 0 ? MAX_BYTES : undefined;
      // Two feeds would mark one folder.
      else if (game.plan.feeds !== 'one warehouse') model.markers = !model.markers;
      const { againAfterMs, maxBytes, markers: successMarkers } = model;
      game.setOptions({ sameContentAgainAfter: againAfterMs && '1h', maxBytes, successMarkers });
    },
  },
};
