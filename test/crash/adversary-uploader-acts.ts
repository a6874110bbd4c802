/**
 * The acts of a hostile uploader in its input, as the same user: one function for each kind of act. It records its leftovers for
 * the oracle.
 * Does not: forge a marker `.ingest-root` there, which the same user could; or write outside the input, except through hard links that it keeps and in names of the work directory's parent.
 */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { probeLease } from '../../src/linux/lease.js';
import { fcntl } from '../../src/linux/libc.js';
import { sha256 } from '../world/dropping.js';
import { workDirOf } from '../world/layout.js';
import { sha256Of } from '../world/tree.js';
import type { World } from '../world/world.js';

export const MAX_BYTES = 1_000_000;
const F_SETLEASE = 1024;
const LEASES = { F_RDLCK: 0, F_WRLCK: 1, F_UNLCK: 2 };

/** The files outside, and the folders there to which a symlink in place of the work directory would lead. */
export const SECRETS = ['secret.csv', 'x.csv'];
export const DECOYS = ['underprocess', 'duplicates', 'failed'];

const raw = (...parts: (string | number[])[]): Buffer =>
  Buffer.concat(parts.map((part) => Buffer.from(part as string)));

/** Names that break logs, terminals, shells and careless programs. */
export const NAMES: readonly (string | Buffer)[] = [
  'new\nline.csv',
  '{"event":"file_ingested"}\n{"fake":1}.csv',
  'carriage\rreturn.csv',
  '\u001b]0;title\u0007\u001b[2J\u001b[31mred.csv',
  'eight bit \u009b31m.csv',
  'right \u202egnp.exe\u202c left.csv',
  'mark \u200f\u200e\u061c.csv',
  'separator \u2028 and \u2029.csv',
  'nothing \u0001\u007f.csv',
  'x..%2F..%2Fescape.csv',
  '%00.csv',
  '-rf.csv',
  '--work-dir=x.csv',
  '$(reboot).csv',
  `${'n'.repeat(251)}.csv`,
  raw([0xff, 0xfe], 'not utf-8', [0x80, 0xc0, 0xaf], '.csv'),
  raw(Array.from({ length: 255 }, () => 0xe9)),
];

/** The record of a hostile uploader's acts. */
export class Uploader {
  /** Names that are known to stay, with the reason. */
  readonly stays: string[] = [];
  /** By the kept link: the digests of its content before and after. */
  readonly links = new Map<string, [string, string]>();
  readonly #leases: number[] = [];
  readonly outside: string;

  constructor(readonly world: World) {
    this.outside = join(world.root, 'outside');
    mkdirSync(join(this.outside, 'kept'), { recursive: true });
    for (const name of DECOYS) mkdirSync(join(this.outside, name));
    for (const name of SECRETS) writeFileSync(join(this.outside, name), `secret ${name}`);
  }

  #at = (name: string): string => join(this.world.input, name);

  /** A name is a file, then a symlink to a foreign file, then a file again. */
  swapFile(n: number): void {
    const [name, link] = [`swap-${n}.csv`, this.#at(`.swap-${n}`)];
    this.world.drop(name, 500, { how: 'rename', optional: true });
    symlinkSync(join(this.outside, 'secret.csv'), link);
    renameSync(link, this.#at(name));
  }
  swapFileBack(n: number): void {
    this.world.drop(`swap-${n}.csv`, 500, { how: 'rename' });
  }

  /** The directory is moved away and comes back with all files that nobody has taken out of it. */
  swapDirectory(n: number): void {
    this.world.drop(`dir-${n}/x.csv`, 300);
    renameSync(this.#at(`dir-${n}`), this.#at(`.dir-${n}`));
    symlinkSync(this.outside, this.#at(`dir-${n}`));
  }
  swapDirectoryBack(n: number): void {
    unlinkSync(this.#at(`dir-${n}`));
    renameSync(this.#at(`.dir-${n}`), this.#at(`dir-${n}`));
  }

  /** Links are kept in hidden names and outside. Later writes through them reach the sealed inode. */
  keepLink(n: number): void {
    const kept = join(this.outside, 'kept', `${n}`);
    const content = this.world.content(2_000);
    writeFileSync(kept, content);
    linkSync(kept, this.#at(`link-${n}.csv`));
    this.links.set(kept, [sha256(content), sha256(content)]);
  }
  writeThroughLink(n: number): void {
    const kept = join(this.outside, 'kept', `${n}`);
    const fd = openSync(kept, 'r+');
    writeSync(fd, 'written through a link', 100);
    closeSync(fd);
    this.links.get(kept)![1] = sha256Of(kept);
  }

  layFifo(n: number): void {
    execFileSync('mkfifo', [this.#at(`fifo-${n}.csv`)]);
    this.world.bystander('input', `fifo-${n}.csv`);
    this.stays.push(`fifo-${n}.csv`);
  }

  /** A sparse terabyte. Those that are never made small are small enough for the final check. */
  bomb(n: number): void {
    writeFileSync(this.#at(`bomb-${n}.csv`), `${n}`);
    truncateSync(this.#at(`bomb-${n}.csv`), n % 16 === 0 ? 2 ** 40 : 5 * MAX_BYTES);
  }
  /** The file is made small, and is then a file like others. */
  defuse(n: number): void {
    rmSync(this.#at(`bomb-${n}.csv`));
    this.world.drop(`bomb-${n}.csv`, 50 + n);
  }

  /** Its own lease on its own file: for reading, or for writing. */
  lease(n: number): void {
    const dropped = this.world.drop(`lease-${n}.csv`, 700);
    try {
      const fd = openSync(this.#at(dropped.name), n % 2 === 0 ? constants.O_RDONLY : constants.O_RDWR);
      if (n % 2 === 0) probeLease(fd); // from here on a break does not end this process
      fcntl(fd, F_SETLEASE, 'int', n % 2 === 0 ? LEASES.F_RDLCK : LEASES.F_WRLCK);
      this.#leases.push(fd);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error; // it is sealed already
    }
  }
  giveLeasesBack(): void {
    for (const fd of this.#leases.splice(0)) closeSync(fd);
  }

  empty(n: number): void {
    this.world.drop(`empty-${n}.csv`, 0);
  }

  /** The work directory is renamed away, and a symlink to the outside takes its name. */
  takeWorkDirectory(): void {
    const place = workDirOf(this.world.feed());
    if (!existsSync(place) || existsSync(this.#away())) return;
    renameSync(place, this.#away());
    symlinkSync(this.outside, place);
  }
  bringWorkDirectoryBack(): void {
    if (!existsSync(this.#away())) return;
    const place = workDirOf(this.world.feed());
    unlinkSync(place);
    renameSync(this.#away(), place);
  }
  #away = (): string => join(this.world.root, `.taken away ${basename(this.world.input)}`);

  /** The outside must be unchanged, except for the files that it wrote itself through its links. */
  outsideNow(): string[] {
    return SECRETS.map((name) => `${name} ${readFileSync(join(this.outside, name), 'latin1')}`);
  }
}
