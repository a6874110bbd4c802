/** `withdraw` and `allow-again` by SHA-256, by a path in the warehouse or in the input: which content is meant, and what may be refused. */
import { join } from 'node:path';
import { Differs, type Game } from './game.js';
import type { Generation } from './model.js';
import type { Step } from './verb.js';

const WHY = ['--reason', 'by the test'];

interface Named {
  word: string;
  /** One of them is meant. Empty: the command must be refused. */
  meant: Generation[];
  /** Set where `allow-again` may mean other contents too: the newest version of a name in the input, or a withdrawn one. */
  kinds?: Set<number>;
  /** True where it may be refused anyway. */
  mayRefuse: boolean;
}

const stands = ({ truth }: Generation): boolean => truth === 'stored' || truth === 'gone';

/** A content that is known, mostly; by a third of all draws a path. */
function named(game: Game, { a, b }: Step): Named | undefined {
  const { model } = game;
  const gen = model.gens[b % model.gens.length];
  if (!gen) return undefined;
  if (a % 5 < 3 || gen.path === undefined) return ofHash(game, gen.k);
  if (a % 5 === 3) return ofPath(game, gen.path);
  return ofName(game, gen.origin!);
}

/** The newest version that has a content. Its line shows it, if the clock never went back. */
function ofName({ model, world, feed, wentBack }: Game, name: string): Named {
  const kinds = new Set(model.drops.flatMap((drop) => (drop.name === name ? drop.k : [])));
  const versions = model.gens.filter(({ origin }) => origin === name).sort((a, b) => a.atMs - b.atMs);
  // A version whose record and job were pruned is unknown: then the one before it is the newest.
  const newest = versions.findLastIndex((gen) => !model.mayBePruned(gen));
  const meant = (wentBack ? versions : versions.slice(Math.max(newest, 0))).filter(stands);
  return { word: join(world.feed(feed).input, name), meant, kinds, mayRefuse: true };
}

function ofHash({ model, contents }: Game, k: number): Named {
  const newest = model.newest(k)!;
  const word = contents[k]!.sha256;
  if (newest.id === undefined || !isIn(newest)) return { word, meant: [], mayRefuse: true };
  if (stands(newest)) return { word, meant: [newest], mayRefuse: model.mayBePruned(newest) };
  return { word, meant: model.standing().filter((gen) => gen.k === k), mayRefuse: true };
}

const isIn = ({ truth }: Generation): boolean => truth !== 'carried' && truth !== 'lined';

/** The file that is there, or the only one that ever was, as far as records show. */
function ofPath({ model }: Game, path: string): Named {
  const gens = model.gens.filter((gen) => gen.path === path);
  const lying = gens.filter(({ lies }) => lies);
  const known = lying.length > 0 || gens.length === 1 ? gens : gens.filter((gen) => !model.mayBePruned(gen));
  const one = lying.length > 0 ? lying : known.length === 1 ? known : [];
  const mayRefuse =
    (lying.length === 0 && gens.length > 1) || one.some((gen) => !stands(gen) || model.mayBePruned(gen));
  // Only the state itself knows which of the earlier records are left.
  const kinds = new Set((lying.length > 0 ? lying : gens).map(({ k }) => k));
  return { word: path, meant: one.filter(stands), kinds, mayRefuse };
}

/** The rows of withdrawn contents. */
const withdrawnRows = (game: Game): Set<string> =>
  new Set(
    game.world
      .ledger(game.feed)
      .filter(({ state }) => state === 'withdrawn')
      .map(({ sha256, generation }) => `${game.kindOf(sha256)}:${generation}`),
  );

export async function withdraw(game: Game, step: Step): Promise<void> {
  const one = named(game, step);
  if (!one) return;
  const before = withdrawnRows(game);
  const { code, err, killed } = await game.ctl(['withdraw', one.word, ...game.ofFeed, ...WHY], step.fault);
  if (code !== 0 && code !== 2) throw new Differs(`withdraw ended with ${code}: ${err}`);
  const now = [...withdrawnRows(game)].filter((row) => !before.has(row));
  if (code === 0 ? now.length !== 1 : now.length > (killed ? 1 : 0))
    throw new Differs(`withdraw ended with ${code}, and ${now.length} are withdrawn by it`);
  if (now.length === 0) {
    if (!one.mayRefuse) throw new Differs(`withdraw ${one.word} is refused: ${err}`);
    // The path of a pruned content is no longer known.
    const known = one.kinds ? [] : one.meant.filter((gen) => !game.model.mayBePruned(gen));
    if (/withdrawn already/.test(err) && known.length > 0 && !known.some(({ path }) => err.includes(path!)))
      throw new Differs(`withdraw ${one.word} names none of those that stand: ${err}`);
    return;
  }
  const gen = one.meant.find(({ k, n }) => `${k}:${n}` === now[0]);
  if (!gen) throw new Differs(`withdraw ${one.word} withdraws ${now[0]}, which is not meant`);
  Object.assign(gen, { truth: 'withdrawn', out: 'due' });
}

export async function allowAgain(game: Game, step: Step): Promise<void> {
  const one = named(game, step);
  if (!one) return;
  const { model } = game;
  const { code, out, err } = await game.ctl(['allow-again', one.word, ...game.ofFeed, ...WHY], step.fault);
  const said = /content ([0-9a-f]{64}) .* generation (\d+)/.exec(out);
  if (code === 0 && said) {
    const [k, n] = [game.kindOf(said[1]!), Number(said[2])];
    const newest = model.newest(k);
    if (!newest || !isIn(newest) || newest.n + 1 !== n)
      throw new Differs(
        `allow-again ${one.word} allows generation ${n} of content ${k}, whose newest is ${newest?.n} ${newest?.truth}`,
      );
    if (!(one.kinds?.has(k) ?? (one.meant.length === 0 || one.meant.some((gen) => gen.k === k))))
      throw new Differs(`allow-again ${one.word} speaks of content ${k}, which is not meant`);
    model.allowed.add(`${k}:${n}`);
    return;
  }
  if (code !== 2) throw new Differs(`allow-again ended with ${code}: ${out}${err}`);
  const newest = one.meant.length === 1 ? model.newest(one.meant[0]!.k) : undefined;
  if (!one.mayRefuse && newest && isIn(newest)) throw new Differs(`allow-again ${one.word} is refused: ${err}`);
}
