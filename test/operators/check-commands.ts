/** Checks what commands say against the model: an audit that reads every byte, and explanations. */
import { join } from 'node:path';
import { Differs, type Game } from './game.js';
import { type Generation, outputOf } from './model.js';

/** The findings of `audit --hash` are exactly the acts of a consumer. */
export async function checkAudit(game: Game): Promise<void> {
  const { code, out } = await game.ctl(['audit', '--hash', '--json']);
  const told = out
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { kind?: string; at?: string; what?: string });
  const models = game.sides.map(({ model }) => model);
  const gens = models.flatMap((model) => model.gens);
  const stands = ({ truth }: Generation): boolean => truth === 'stored' || truth === 'gone';
  const hadOutput = ({ k }: Generation): boolean => game.plan.chain && game.contents[k]!.bytes.length > 0;
  const gone = gens.filter(({ truth }) => truth === 'gone').map(({ path }) => path);
  const outputsGone = gens.filter((gen) => stands(gen) && !gen.hasOutput && hadOutput(gen));
  const paths = new Set([
    ...gone,
    ...outputsGone.map(outputOf),
    ...models.flatMap(({ foreign }) => [...foreign.keys()]),
  ]);
  const adopts = models.some((model) => model.underWay().some(({ at, isSeen }) => at !== 'input' && !isSeen));
  const hasGhosts = models.some(({ ghosts }) => ghosts.length > 0);
  const mayBe = new Set([...(hasGhosts ? ['sealed_file_missing'] : []), ...(adopts ? ['orphan'] : [])]);
  const at = new Set(told.map((one) => one.at));
  // An audit does not judge a rebuilt record whose file is gone too.
  const untold = outputsGone.filter((gen) => gen.lies && !at.has(outputOf(gen)));
  if (untold.length > 0) throw new Differs(`audit says nothing of ${untold.map(outputOf).join(', ')}, which is gone`);
  const unexpected = told.filter(({ kind, at }) => kind !== undefined && !paths.has(at!) && !mayBe.has(kind));
  if (unexpected.length > 0)
    throw new Differs(`audit: ${unexpected.map(({ kind, at, what }) => `${kind} ${at}: ${what}`).join('; ')}`);
  if (code !== 0 && told.length <= 1) throw new Differs(`audit ends with ${code} and reports nothing`);
}

/** `explain` agrees with the model for each path and name. */
export async function checkExplain(game: Game): Promise<void> {
  for (const n of game.sides.keys()) {
    game.turnTo(n);
    await checkExplained(game);
  }
}

async function checkExplained(game: Game): Promise<void> {
  const { model, world, feed } = game;
  for (const path of new Set(model.gens.flatMap(({ path: one }) => one ?? []))) {
    const gens = model.gens.filter((gen) => gen.path === path);
    if (gens.some(model.mayBePruned)) continue;
    const truths = new Set(gens.map(({ truth }) => (truth === 'gone' ? 'stored' : truth)));
    const said = await verdicts(game, path);
    for (const word of ['stored', 'withdrawn'] as const)
      if (truths.has(word) !== said.includes(word) && !truths.has('lined'))
        throw new Differs(`explain ${path} says ${said.join(', ')}, and it is ${[...truths].join(', ')}`);
  }
  const { input } = world.feed(feed);
  for (const name of new Set(model.drops.map((drop) => drop.name))) {
    const newest = model.drops.filter((drop) => drop.name === name).at(-1)!;
    const { vague, bornMs, endedMs = bornMs } = newest;
    if (vague || bornMs === undefined || Math.min(bornMs, endedMs!) < model.prunedBeforeMs) continue;
    const said = await verdicts(game, join(input, name));
    // Any of several twins may have carried the content; the others are its duplicates.
    const carried = model.gens.some(({ k, origin }) => k === newest.k && origin === name);
    const wanted = newest.held !== undefined ? 'held' : carried ? undefined : newest.at;
    if ((wanted === 'held' || wanted === 'duplicate' || wanted === 'discarded') && !said.includes(wanted))
      throw new Differs(`explain ${name} says ${said.join(', ')}, and its newest is ${wanted}`);
  }
}

async function verdicts(game: Game, path: string): Promise<string[]> {
  const { code, out, err } = await game.ctl(['explain', path, ...game.ofFeed, '--json']);
  if (code !== 0) throw new Differs(`explain ${path} ends with ${code}: ${err}`);
  const { found } = JSON.parse(out) as { found: { verdict: string }[] };
  return found.map(({ verdict }) => verdict);
}
