/** The model of `ingest --once`: every drop goes as far as pauses, holds and foreign files let it. */
import { count, type Drop, type Generation, isUnderWay, type Model } from './model.js';

export interface Run {
  nowMs: number;
  bytes: (k: number) => number;
  /** True where this generation has its line now; asked only where the model cannot know. */
  hasLine: (k: number, n: number) => boolean;
}

export function run(model: Model, now: Run): void {
  model.allSeen();
  if (model.paused.size === 0) model.hasEnded = false;
  for (const drop of model.inPlace('input')) lookAt(model, drop, now);
  for (let went = true; went; ) {
    went = false;
    const some = (acted: boolean) => {
      went ||= acted;
    };
    if (!model.paused.has('hash')) for (const drop of model.inPlace('sealed')) some(hash(model, drop, now));
    if (!model.paused.has('manifest')) for (const gen of model.gens) some(line(gen, now));
    if (!model.paused.has('move')) for (const gen of model.gens) some(move(model, gen, now) || takeOut(model, gen));
  }
  for (const drop of model.drops) drop.endedMs = isUnderWay(drop.at) ? undefined : (drop.endedMs ?? now.nowMs);
}

function lookAt(model: Model, drop: Drop, { nowMs, bytes }: Run): void {
  if (drop.bornMs === undefined) Object.assign(drop, { bornMs: nowMs, isSeen: true, held: undefined });
  if (model.paused.has('verify-complete') || drop.held !== undefined || drop.says === 'none') return;
  if (bytes(drop.k) > (model.maxBytes ?? Number.POSITIVE_INFINITY)) drop.held = 'too_large';
  else drop.at = 'sealed';
}

function hash(model: Model, drop: Drop, now: Run): boolean {
  if (drop.held !== undefined) return false;
  const { k } = drop;
  const known = model.newest(k);
  if (drop.says === 'wrong') drop.held = 'checksum_mismatch';
  else if (known?.truth === 'carried' || known?.truth === 'lined') drop.at = 'twin';
  else if (!known || comesAgain(model, drop, known, now)) {
    const gen: Generation = {
      k,
      n: (known?.n ?? 0) + 1,
      truth: 'carried',
      atMs: now.nowMs,
      lies: false,
      hasOutput: false,
    };
    model.gens.push(gen);
    Object.assign(drop, { at: 'carrier', gen });
  } else {
    drop.at = 'duplicate';
    count(model.duplicates, k);
  }
  return true;
}

function comesAgain(model: Model, drop: Drop, known: Generation, { nowMs, hasLine }: Run): boolean {
  const key = `${known.k}:${known.n + 1}`;
  if (model.allowed.has(key)) return true;
  if (model.againAfterMs === undefined) return false;
  const [early, late] = [drop.bornMs! - known.atMs, nowMs - known.atMs].map((ms) => ms >= model.againAfterMs!);
  const isVague =
    drop.vague || model.mayBePruned(known) || Math.abs(drop.bornMs! - known.atMs - model.againAfterMs) < 5_000;
  const comes = isVague && (early !== late || model.mayBePruned(known)) ? hasLine(known.k, known.n + 1) : early!;
  if (comes) model.allowed.add(key);
  return comes;
}

function line(gen: Generation, { nowMs }: Run): boolean {
  if (gen.truth !== 'carried') return false;
  gen.truth = 'lined';
  gen.atMs = nowMs;
  return true;
}

const carrierOf = (model: Model, gen: Generation): Drop =>
  model.drops.find((drop) => drop.at === 'carrier' && drop.gen === gen)!;

function move(model: Model, gen: Generation, { nowMs: storedMs, bytes }: Run): boolean {
  if (gen.truth !== 'lined') return false;
  const carrier = carrierOf(model, gen);
  if (carrier.held !== undefined) return false;
  if (gen.path !== undefined && model.foreign.has(gen.path)) carrier.held = 'target_taken';
  else {
    Object.assign(gen, { truth: 'stored', lies: true, hasOutput: model.hasChain && bytes(gen.k) > 0, storedMs });
    carrier.at = 'stored';
    for (const twin of model.inPlace('twin')) if (twin.k === gen.k) twin.at = 'sealed';
  }
  return true;
}

function takeOut(model: Model, gen: Generation): boolean {
  if (gen.out !== 'due') return false;
  if (!gen.lies && model.foreign.has(gen.path!)) gen.out = 'held';
  else gen.out = undefined;
  if (gen.lies) count(model.failed, gen.k);
  gen.lies = false;
  gen.hasOutput = false;
  return true;
}

/** Held jobs are given up, and a worker comes: the oldest twin inherits, or the content is free. */
export function discardHeld(model: Model): void {
  model.ghosts = model.ghosts.filter((code) => code === undefined);
  for (const gen of model.gens) if (gen.out === 'held') gen.out = undefined;
  for (const drop of model.underWay().filter(({ held }) => held !== undefined)) {
    const { gen, at, bornMs } = drop;
    if (at === 'input' && bornMs === undefined) {
      drop.held = undefined; // of the one that was there before
      continue;
    }
    Object.assign(drop, { at: 'discarded', held: undefined });
    count(model.failed, drop.k);
    if (at !== 'carrier' || !gen) continue;
    const twins = model.inPlace('twin').filter(({ k }) => k === drop.k);
    // A line with outputs has no heir: jobs that wait start again.
    const hasHeir = twins.length > 0 && !(model.hasChain && gen.id !== undefined);
    if (hasHeir) Object.assign(twins[0]!, { at: 'carrier', gen, isHeir: true });
    else {
      for (const twin of twins) twin.at = 'sealed';
      model.gens = model.gens.filter((other) => other !== gen);
      if (gen.id !== undefined) model.givenUp.add(gen.id);
    }
  }
}

export function retryHeld(model: Model): void {
  for (const gen of model.gens) if (gen.out === 'held') gen.out = 'due';
  for (const drop of model.underWay()) drop.held = undefined;
}
