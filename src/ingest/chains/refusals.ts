/**
 * Whose fault it is that a module does not come to the first record of a file: the module's, until it is seen that this file alone is
 * concerned. Then another file of the same version of the chain went through, which began after the first refusal of this file, and
 * this file was refused again. A cause outside (a table that the module reads is missing) is the same for both files.
 * Does not: outlive the process. A restart, or another worker, asks the files again.
 */

/** The oldest are forgotten: while a module refuses every file, each probe has another one. */
const REFUSED_MAX = 1_000;

interface Version {
  key: string;
  /** The turn in which the last file began that went through. */
  wellAt: number;
  /** The turn in which each file was refused first. */
  refusedAt: Map<string, number>;
}

export class Refusals {
  readonly #versions = new Map<string, Version>();
  #turn = 0;

  /** A turn for a file that begins. */
  begin(): number {
    return ++this.#turn;
  }

  wentThrough(feed: string, key: string, job: string, begunAt: number): void {
    const version = this.#versionOf(feed, key);
    version.wellAt = Math.max(version.wellAt, begunAt);
    version.refusedAt.delete(job);
  }

  /** Notes a refusal in a child that no other file had. Returns true where it is the fault of the file. */
  isOfFile(feed: string, key: string, job: string): boolean {
    const { wellAt, refusedAt } = this.#versionOf(feed, key);
    const firstAt = refusedAt.get(job);
    if (firstAt !== undefined) return wellAt > firstAt;
    refusedAt.set(job, ++this.#turn);
    const [oldest] = refusedAt.keys();
    if (refusedAt.size > REFUSED_MAX) refusedAt.delete(oldest!);
    return false;
  }

  #versionOf(feed: string, key: string): Version {
    const known = this.#versions.get(feed);
    if (known?.key === key) return known;
    const version: Version = { key, wellAt: 0, refusedAt: new Map() };
    this.#versions.set(feed, version);
    return version;
  }
}
