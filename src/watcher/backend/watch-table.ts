/**
 * The watches of a tree, found by descriptor and by path, in packed arrays: 28 bytes a watch, the bytes of its path,
 * and about 16 for the hash chains.
 * Guarantees: no object for a watch. Two maps with their strings took 330 bytes each. They survived every young garbage
 * collection, so V8 enlarged that heap space to its limit (16 MB, and never released while idle).
 * Does not: know the kernel.
 */
import type { ByteName } from '../../linux/names.js';

/** The fields of a row: its numbers, and the next rows in its two hash chains. */
const [WD, ROUND, PATH_AT, PATH_LENGTH, PATH_HASH, NEXT_BY_WD, NEXT_BY_PATH, FIELDS] = [0, 1, 2, 3, 4, 5, 6, 7];
const NONE = -1;
const ROWS_FIRST = 1_024;
const PATH_BYTES_FIRST = 32_768;
const SLASH = 0x2f;
/** FNV-1a with a random seed in each process: nobody can choose names that all fall into one chain. */
const FNV_PRIME = 0x01000193;
const SEED = Math.floor(Math.random() * 2 ** 32);

export class WatchTable {
  #rows = new Int32Array(ROWS_FIRST * FIELDS);
  /** The first rows of the chains. There are as many chains as rows fit, a power of two. */
  #byWd = new Int32Array(ROWS_FIRST).fill(NONE);
  #byPath = new Int32Array(ROWS_FIRST).fill(NONE);
  /** Rows below this index are in use or free. */
  #end = 0;
  /** The first free row; free rows are chained by NEXT_BY_WD. */
  #free = NONE;
  #paths = Buffer.allocUnsafeSlow(PATH_BYTES_FIRST);
  #pathsEnd = 0;
  /** Bytes of paths that were removed. */
  #pathsUnused = 0;

  /** The memory of the arrays, in bytes. */
  get bytes(): number {
    return this.#rows.byteLength + this.#byWd.byteLength + this.#byPath.byteLength + this.#paths.length;
  }

  pathOf(wd: number): ByteName | undefined {
    const row = this.#rowOf(wd);
    return row === NONE ? undefined : this.#pathAt(row);
  }

  /** The descriptor of a path's watch. */
  wdOf(path: ByteName): number | undefined {
    const slot = this.#slotOf(hashOf(path));
    for (let row = this.#byPath[slot]!; row !== NONE; row = this.#get(row, NEXT_BY_PATH))
      if (this.#isAt(row, path)) return this.#get(row, WD);
    return undefined;
  }

  /** Neither the descriptor nor the path may be in the table. `round`: the last whole scan that found it. */
  add(wd: number, path: ByteName, round: number): void {
    const at = this.#keep(path);
    const row = this.#newRow();
    this.#set(row, WD, wd);
    this.#set(row, ROUND, round);
    this.#set(row, PATH_AT, at);
    this.#set(row, PATH_LENGTH, path.length);
    this.#set(row, PATH_HASH, hashOf(path));
    this.#link(row);
  }

  met(wd: number, round: number): void {
    this.#set(this.#rowOf(wd), ROUND, round);
  }

  /** False: there is no such watch. */
  delete(wd: number): boolean {
    const row = this.#rowOf(wd);
    if (row === NONE) return false;
    this.#unlink(this.#byWd, this.#slotOf(wd), NEXT_BY_WD, row);
    this.#unlink(this.#byPath, this.#slotOf(this.#get(row, PATH_HASH)), NEXT_BY_PATH, row);
    this.#pathsUnused += this.#get(row, PATH_LENGTH);
    this.#set(row, PATH_LENGTH, NONE);
    this.#set(row, NEXT_BY_WD, this.#free);
    this.#free = row;
    return true;
  }

  /** The descriptors of watches that no scan has found since `round`. */
  before(round: number): number[] {
    return this.#wdsOf((row) => this.#get(row, ROUND) < round);
  }

  /** The descriptors of a directory's watch and of all watches below it. */
  below(path: ByteName): number[] {
    if (path === '') return this.#wdsOf(() => true);
    return this.#wdsOf((row) => {
      const length = this.#get(row, PATH_LENGTH);
      const isInside = length === path.length || this.#paths[this.#get(row, PATH_AT) + path.length] === SLASH;
      return length >= path.length && isInside && this.#startsWith(row, path);
    });
  }

  #wdsOf(isWanted: (row: number) => boolean): number[] {
    const found: number[] = [];
    for (let row = 0; row < this.#end; row++)
      if (this.#get(row, PATH_LENGTH) !== NONE && isWanted(row)) found.push(this.#get(row, WD));
    return found;
  }

  #get(row: number, field: number): number {
    return this.#rows[row * FIELDS + field]!;
  }

  #set(row: number, field: number, value: number): void {
    this.#rows[row * FIELDS + field] = value;
  }

  #rowOf(wd: number): number {
    let row = this.#byWd[this.#slotOf(wd)]!;
    while (row !== NONE && this.#get(row, WD) !== wd) row = this.#get(row, NEXT_BY_WD);
    return row;
  }

  /** The chain of a descriptor or of a hash; both tables have the same number of chains. */
  #slotOf(key: number): number {
    return key & (this.#byWd.length - 1);
  }

  #pathAt(row: number): ByteName {
    const at = this.#get(row, PATH_AT);
    return this.#paths.toString('latin1', at, at + this.#get(row, PATH_LENGTH)) as ByteName;
  }

  #isAt(row: number, path: ByteName): boolean {
    return this.#get(row, PATH_LENGTH) === path.length && this.#startsWith(row, path);
  }

  #startsWith(row: number, path: ByteName): boolean {
    const at = this.#get(row, PATH_AT);
    for (let n = 0; n < path.length; n++) if (this.#paths[at + n] !== path.charCodeAt(n)) return false;
    return true;
  }

  #newRow(): number {
    if (this.#free === NONE && this.#end * FIELDS === this.#rows.length) this.#grow();
    if (this.#free === NONE) return this.#end++;
    const row = this.#free;
    this.#free = this.#get(row, NEXT_BY_WD);
    return row;
  }

  #link(row: number): void {
    const wdSlot = this.#slotOf(this.#get(row, WD));
    const pathSlot = this.#slotOf(this.#get(row, PATH_HASH));
    this.#set(row, NEXT_BY_WD, this.#byWd[wdSlot]!);
    this.#byWd[wdSlot] = row;
    this.#set(row, NEXT_BY_PATH, this.#byPath[pathSlot]!);
    this.#byPath[pathSlot] = row;
  }

  #unlink(heads: Int32Array, slot: number, next: number, row: number): void {
    const follower = this.#get(row, next);
    let at = heads[slot]!;
    if (at === row) {
      heads[slot] = follower;
      return;
    }
    while (this.#get(at, next) !== row) at = this.#get(at, next);
    this.#set(at, next, follower);
  }

  /** To be called when every row is in use. */
  #grow(): void {
    const rows = new Int32Array(2 * this.#rows.length);
    rows.set(this.#rows);
    this.#rows = rows;
    this.#byWd = new Int32Array(2 * this.#byWd.length).fill(NONE);
    this.#byPath = new Int32Array(2 * this.#byPath.length).fill(NONE);
    for (let row = 0; row < this.#end; row++) this.#link(row);
  }

  /** Stores a path and returns its offset. */
  #keep(path: ByteName): number {
    if (this.#pathsEnd + path.length > this.#paths.length) this.#makeRoom(path.length);
    const at = this.#pathsEnd;
    this.#pathsEnd += this.#paths.write(path, at, 'latin1');
    return at;
  }

  /** Removes unused paths, and reserves as many bytes again for new ones. */
  #makeRoom(bytes: number): void {
    const used = this.#pathsEnd - this.#pathsUnused + bytes;
    const paths = Buffer.allocUnsafeSlow(Math.max(PATH_BYTES_FIRST, 2 * used));
    let end = 0;
    for (let row = 0; row < this.#end; row++) {
      const length = this.#get(row, PATH_LENGTH);
      if (length === NONE) continue;
      const at = this.#get(row, PATH_AT);
      this.#set(row, PATH_AT, end);
      // Copying with Buffer's methods would create three objects for each path.
      for (let n = 0; n < length; n++) paths[end++] = this.#paths[at + n]!;
    }
    this.#paths = paths;
    this.#pathsEnd = end;
    this.#pathsUnused = 0;
  }
}

function hashOf(path: ByteName): number {
  let hash = SEED;
  for (let at = 0; at < path.length; at++) hash = Math.imul(hash ^ path.charCodeAt(at), FNV_PRIME);
  return hash ^ (hash >>> 15);
}
