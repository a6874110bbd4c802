/**
 * The knowledge of an operator: a small model of a feed. On disk: generations of contents, drops on their way, held files.
 * Only in the state, and lost with it: allowances, pauses, learned contents, pruned records, reasons of holds.
 *
 * Choices, where the documents leave it open:
 * - `withdraw` SHA-256 means the newest generation; of a path the standing line whose bytes lie there.
 * - A withdrawal stands from its command on: its correction is on disk when the command has answered.
 * - A foreign file in place of a withdrawn one holds the withdrawal. After a rebuild it may also be over: nothing of ours is there.
 * - A repetition's time counts from the moment at which its job was made. Where a state was lost since, from that or from now.
 * - It does not matter which of several twins carries their content: their bytes are the same.
 */
export type Stage = 'verify-complete' | 'hash' | 'manifest' | 'move';

/** `gone`: a consumer took it, or put something else in its place. */
export type Truth = 'carried' | 'lined' | 'stored' | 'gone' | 'withdrawn';

export interface Generation {
  k: number;
  n: number;
  truth: Truth;
  /** Valid from its line on. */
  id?: string;
  path?: string;
  origin?: string;
  /** The ingest instant, wall-clock ms. */
  atMs: number;
  storedMs?: number;
  /** Its file is at its path. */
  lies: boolean;
  /** Its output is at its path. */
  hasOutput: boolean;
  /** A consumer has its output there. */
  outputTo?: string;
  /** Its withdrawal has not checked the path yet, or is held there. */
  out?: 'due' | 'held';
}

export type Sidecar = 'right' | 'wrong' | 'none';

export interface Drop {
  /** From its job: a replacement in the input goes on with the earlier file's job. */
  no: number;
  version: number;
  name: string;
  k: number;
  at: 'input' | 'sealed' | 'twin' | 'carrier' | 'stored' | 'duplicate' | 'discarded';
  gen?: Generation;
  held?: string;
  /** The content of its sidecar, where the feed waits for one. */
  says?: Sidecar;
  /** When its job was made; undefined: this version was not noticed yet. */
  bornMs?: number;
  /** When its job ended. The clock may have gone back since it was made. */
  endedMs?: number | undefined;
  /** The state has its job, for this version or the one before. An audit reports a sealed file without one. */
  isSeen: boolean;
  /** It went on with a line that another job had. */
  isHeir?: true;
  /** Its job's memory was lost, or may be. */
  vague: boolean;
}

interface Held {
  code: string;
  version: number;
  isSealed: boolean;
}

type Side = 'input' | 'work';

/** The differences between a backup and the disk, and what the backup knows of the disk. */
export interface Snapshot {
  file: string;
  allowed: Set<string>;
  paused: Set<Stage>;
  learnt: Map<number, number>;
  prunedBeforeMs: number;
  held: Map<number, Held>;
  /** Drops that have a job, by where they were. */
  underWay: Map<number, Side>;
  /** Withdrawals that had not checked their paths yet, or were held there. */
  out: Map<Generation, Generation['out']>;
  lines: Set<string>;
  corrected: Set<string>;
  /** Files whose lines may have been planned already, and are known then. */
  carried: Set<Generation>;
}

export class Model {
  /**
   * `hasChain`: files are made into outputs, and a line with outputs has no heir. `foreign`: foreign files at a path of the warehouse,
   * which feeds may share.
   */
  constructor(
    readonly hasChain: boolean,
    readonly foreign: Map<string, Buffer>,
  ) {}

  gens: Generation[] = [];
  readonly drops: Drop[] = [];
  /** Ids of lines that were given up: taken back, and their contents are free. */
  readonly givenUp = new Set<string>();
  /** Files by content. */
  readonly duplicates = new Map<number, number>();
  readonly failed = new Map<number, number>();
  allowed = new Set<string>();
  paused = new Set<Stage>();
  learnt = new Map<number, number>();
  prunedBeforeMs = 0;
  readonly backups: Snapshot[] = [];
  /** Jobs that a restored state may still know, whose files have moved on since in a way that no name shows; with the reason of each hold. */
  ghosts: (string | undefined)[] = [];
  /** A rebuild found that jobs of an older state have ended: a run says so. */
  hasEnded = false;
  againAfterMs: number | undefined;
  maxBytes: number | undefined;
  markers = false;

  newest(k: number): Generation | undefined {
    const of = this.gens.filter((gen) => gen.k === k);
    const learntMs = this.learnt.get(k);
    if (learntMs !== undefined) of.push({ k, n: 1, truth: 'gone', atMs: learntMs, lies: false, hasOutput: false });
    return of.sort((a, b) => a.n - b.n || Number(a.id !== undefined) - Number(b.id !== undefined)).at(-1);
  }

  standing = (): Generation[] => this.gens.filter(({ truth }) => truth === 'stored' || truth === 'gone');
  underWay = (): Drop[] => this.drops.filter(({ at }) => isUnderWay(at));
  inPlace = (at: Drop['at']): Drop[] => this.drops.filter((drop) => drop.at === at);
  /** Its record may have been pruned: then only its hash is known. The clock may have gone back before it was stored. */
  mayBePruned = ({ atMs, storedMs = atMs }: Generation): boolean => Math.min(atMs, storedMs) < this.prunedBeforeMs;

  /** Ids that have a correction. */
  corrected(): Set<string> {
    return new Set([...this.givenUp, ...this.gens.filter(({ truth }) => truth === 'withdrawn').map(({ id }) => id!)]);
  }

  lines = (): Set<string> => new Set([...this.gens.flatMap(({ id }) => id ?? []), ...this.givenUp]);

  snapshot(file: string): Snapshot {
    const held = this.underWay().flatMap(({ no, held: code, version, at }): [number, Held][] =>
      code === undefined ? [] : [[no, { code, version, isSealed: at !== 'input' }]],
    );
    return {
      file,
      allowed: new Set(this.allowed),
      paused: new Set(this.paused),
      learnt: new Map(this.learnt),
      prunedBeforeMs: this.prunedBeforeMs,
      held: new Map(held),
      underWay: sides(this.underWay().filter(({ isSeen }) => isSeen)),
      out: new Map(this.gens.flatMap((gen) => (gen.out === undefined ? [] : [[gen, gen.out]]))),
      lines: this.lines(),
      corrected: this.corrected(),
      carried: new Set(this.gens.filter(({ truth }) => truth === 'carried')),
    };
  }

  /** True where a start must refuse the backup; undefined: it may. */
  lacks(of: Snapshot): boolean | undefined {
    if ([...this.corrected()].some((id) => !of.corrected.has(id))) return true;
    const unknown = [...this.lines()].filter((id) => !of.lines.has(id));
    if (unknown.length === 0) return false;
    const planned = new Set([...of.carried].map(({ id }) => id));
    return unknown.every((id) => planned.has(id)) ? undefined : true;
  }

  /** A rebuild or a start gives a job to a sealed file without one. */
  allSeen(): void {
    for (const drop of this.underWay()) drop.isSeen ||= drop.at !== 'input';
  }

  /** A line or a name in a work directory shows, by the job's id, where a sealed file is; but not if the job has inherited a line. */
  #ghostsOf(of: Snapshot): Model['ghosts'] {
    const now = sides(this.underWay());
    const isTold = (no: number) => this.drops.some((drop) => drop.no === no && !isUnderWay(drop.at) && !drop.isHeir);
    return [...of.underWay].flatMap(([no, side]) =>
      now.get(no) === side || (side === 'work' && isTold(no)) ? [] : [of.held.get(no)?.code],
    );
  }

  /** The result of a rebuild: the disk is unchanged, and the state has what `of` knew; nothing where it was lost. */
  rebuilt(of?: Snapshot): void {
    this.allowed = new Set(of?.allowed);
    this.paused = new Set(of?.paused);
    this.learnt = new Map(of?.learnt);
    this.prunedBeforeMs = of?.prunedBeforeMs ?? 0;
    this.hasEnded = of !== undefined;
    this.ghosts = of ? this.#ghostsOf(of) : [];
    this.gens = this.gens.filter(({ truth }) => truth !== 'carried');
    for (const gen of this.gens) gen.out = of?.out.get(gen) ?? (gen.out && 'due');
    for (const drop of this.drops) {
      drop.vague = true;
      if (!isUnderWay(drop.at)) continue;
      const held = of?.held.get(drop.no);
      const isIts = held !== undefined && held.isSealed === (drop.at !== 'input');
      drop.held = isIts ? held.code : undefined;
      if (drop.at === 'twin' || (drop.at === 'carrier' && drop.gen!.truth !== 'lined')) drop.at = 'sealed';
      drop.isSeen = of?.underWay.has(drop.no) ?? false;
      // A hold of the earlier version stays until the next check.
      if (drop.at === 'input' && (!isIts || held.version !== drop.version)) drop.bornMs = undefined;
    }
  }
}

/** A file whose chain writes outputs lies with the originals; readers take the output from the day. */
export const outputOf = ({ path }: Generation): string =>
  path!.replace('/_originals/', '/').replace(/\.csv$/, '.all.csv');

/** The owner of a job, and its side of the seal. */
const sides = (drops: readonly Drop[]): Map<number, Side> =>
  new Map(drops.map(({ no, at }) => [no, at === 'input' ? 'input' : 'work']));

export const isUnderWay = (at: Drop['at']): boolean => at !== 'stored' && at !== 'duplicate' && at !== 'discarded';

export const count = (of: Map<number, number>, k: number): void => void of.set(k, (of.get(k) ?? 0) + 1);
