/**
 * The order of durability, read from the calls of a run: everything that a commit claims is on disk before it. A power cut shows
 * a wrong order only in the few milliseconds between two calls; here every run shows it.
 * Guarantees: uses only names of files and calls, and nothing of the code that makes them.
 * Does not: judge a run in which a call failed, or know which files reach the disk without a sync of ours.
 */
import { dirname } from 'node:path';
import type { Call } from './control.js';
import { PHASES } from './order.js';

export interface OrderFound {
  kind: 'unsynced' | 'unlinked_early' | 'output_after_file';
  what: string;
}

const isSync = ({ call }: Call) => call === 'fsync' || call === 'fdatasync';
const isCommit = (call: Call) => isSync(call) && call.path.endsWith('/state.db-wal');
const isRename = ({ call }: Call) => /^rename/.test(call) || call === 'linkat';
const isWrite = ({ call }: Call) => /^p?write/.test(call);
const isSealed = (path: string) => /\/underprocess\/(.*\/)?[^/~]*~[^/]*$|\/underprocess\/[^/]*~\/[^/]+$/.test(path);
const isSidecar = (path: string) => /\.ok~/.test(path);
/** In the folder of a claim, on the way from the input to its name. */
const isTaken = (path: string) => /\.claims~\//.test(path);
const isCopyUnderWay = (path: string) => path.includes('/warehouse/.ingest-tmp/');
const isStored = (path: string) => /\/warehouse\/(_originals\/|_rejects\/)?ingest_date=/.test(path);
const isManifest = (path: string) => /\/manifests\/.*\.jsonl$/.test(path);

/** The output of a job, before it is moved. */
const OUTPUT = /\/\.ingest-tmp\/([0-9A-Z]{26})\.out\.\d+\.\d+$/;
const SEALED = /\/underprocess\/([0-9A-Z]{26})~/;

/** `isFirst`: no earlier run made any file. */
export function wrongOrder(calls: readonly Call[], isFirst: boolean): OrderFound[] {
  const order = new Order(isFirst);
  for (const call of calls) if (!call.failed) order.see(call);
  return order.found;
}

class Order {
  readonly found: OrderFound[] = [];
  /** Directories with a rename of ours that is not on disk: by directory, the renamed file. */
  readonly #renamed = new Map<string, string>();
  /** Files in the folder of a claim: where they came from. */
  readonly #taken = new Map<string, string>();
  /** Files with a second name of ours, and the directory of that name, until it is on disk. */
  readonly #linked = new Map<string, string>();
  /** Sealed files, lines and copies that are not on disk. */
  readonly #bytes = new Set<string>();
  /** Stored copies that are not committed yet. */
  #uncommitted = 0;
  /** Outputs whose bytes are on disk. */
  readonly #synced = new Set<string>();
  /** Jobs whose file is at its target. */
  readonly #moved = new Set<string>();
  /** By job: directories with a renamed output that is not on disk. */
  readonly #outputsIn = new Map<string, Set<string>>();

  constructor(private readonly isFirst: boolean) {}

  see(call: Call): void {
    const { path, from } = call;
    if (isCommit(call)) this.#commit(call);
    else if (isSync(call)) this.#sync(path);
    else if (call.call === 'syncfs') this.#allSynced();
    else if (isTaken(path) && isRename(call)) this.#taken.set(path, from);
    else if (isRename(call)) this.#rename(call, path, this.#taken.get(from) ?? from);
    else if (isWrite(call) && (isManifest(path) || isCopyUnderWay(path))) this.#bytes.add(path);
    else if (call.call === 'unlinkat' && this.#isDelivered(path)) return;
    else if (call.call === 'unlinkat' && isSealed(path) && !isSidecar(path) && this.#uncommitted > 0)
      this.#tell('unlinked_early', `${path} was removed before a commit said that its copy is stored`);
  }

  /** True for a file that was linked to its name: our own name of it goes at once, when the link is on disk. */
  #isDelivered(path: string): boolean {
    const directory = this.#linked.get(path);
    if (directory !== undefined && directory !== '')
      this.#tell('unsynced', `${path} was removed before its link in ${directory} was on disk`);
    return this.#linked.delete(path);
  }

  #rename(call: Call, path: string, from: string): void {
    if (call.call === 'linkat') this.#linked.set(from, dirname(path));
    const isSeal = isSealed(path) && PHASES[call.stage] === 'verify-complete';
    if (isSeal || isStored(path)) this.#renamed.set(dirname(path), path);
    // An earlier run may have taken it: the directory that it left is not known here then.
    if (isSeal && !isTaken(from)) this.#renamed.set(dirname(from), path);
    if (isSeal && !isSidecar(path)) this.#bytes.add(path);
    if (isCopyUnderWay(from)) this.#uncommitted++;
    if (!isStored(path)) return;
    this.#outputOrFile(path, from);
    if (this.#bytes.has(from)) this.#tell('unsynced', `${path} was stored before its bytes were on disk`);
    this.#bytes.delete(from);
  }

  /** The outputs of a file come first, and are on disk with their names before it. */
  #outputOrFile(path: string, from: string): void {
    const job = OUTPUT.exec(from)?.[1];
    if (job !== undefined) {
      if (this.isFirst && !this.#synced.has(from))
        this.#tell('unsynced', `${path} got its name before its bytes were on disk`);
      if (this.#moved.has(job)) this.#tell('output_after_file', `${path} came after its file`);
      this.#outputsIn.set(job, (this.#outputsIn.get(job) ?? new Set()).add(dirname(path)));
      return;
    }
    const of = SEALED.exec(from)?.[1];
    if (of === undefined) return;
    this.#moved.add(of);
    for (const directory of this.#outputsIn.get(of) ?? [])
      this.#tell('unsynced', `${path} was moved before ${directory} was synced, for an output of it`);
  }

  #commit({ stage }: Call): void {
    // Other transactions may commit during a batch, and claim nothing about it; its own settlement comes at its end.
    const phase = PHASES[stage]!;
    if (!phase.startsWith('settle ')) return;
    for (const [directory, what] of this.#renamed)
      this.#tell('unsynced', `the commit of ${phase} came before ${directory} was synced, for ${what}`);
    for (const path of this.#bytes)
      if (isManifest(path)) this.#tell('unsynced', `the commit of ${phase} came before the line in ${path} was synced`);
    this.#renamed.clear();
    this.#uncommitted = 0;
  }

  #sync(path: string): void {
    this.#synced.add(path);
    for (const [file, directory] of this.#linked) if (directory === path) this.#linked.set(file, '');
    for (const directories of this.#outputsIn.values()) directories.delete(path);
    this.#renamed.delete(path);
    this.#bytes.delete(path);
  }

  #allSynced(): void {
    this.#renamed.clear();
    this.#bytes.clear();
    this.#outputsIn.clear();
  }

  #tell(kind: OrderFound['kind'], what: string): void {
    this.found.push({ kind, what });
  }
}
