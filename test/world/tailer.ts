/**
 * A reader that follows a feed's manifests from outside, in its own process: every 5 ms it reads all of them. Usage:
 * node tailer.js MANIFESTS. When its standard input ends, it reads once more and prints its report as JSON.
 * Guarantees: reports each manifest file whose inode changed, and each byte before the last newline that changed.
 */
import { closeSync, fstatSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface TailReport {
  looks: number;
  bytes: number;
  /** Sentences; empty if the reader only saw growth. */
  broken: string[];
}

interface Known {
  ino: bigint;
  /** Size and times. An unchanged file is read again only while its clock tick may still hide a change. */
  look: string;
  quietSince: number;
  /** Everything up to and including the last newline, as first read. */
  settled: Buffer;
  told: boolean;
}

export class Tail {
  readonly #known = new Map<string, Known>();
  readonly report: TailReport = { looks: 0, bytes: 0, broken: [] };

  constructor(readonly manifests: string) {}

  look(): void {
    this.report.looks += 1;
    for (const file of new Set([...this.#known.keys(), ...manifestFiles(this.manifests)])) this.#read(file);
    this.report.bytes = [...this.#known.values()].reduce((sum, known) => sum + known.settled.length, 0);
  }

  #read(file: string): void {
    const known = this.#known.get(file);
    const fd = openIfThere(join(this.manifests, file));
    if (fd === undefined) {
      if (known) this.#tell(known, `${file} has gone`);
      return;
    }
    try {
      const { ino, size, mtimeNs, ctimeNs } = fstatSync(fd, { bigint: true });
      const look = `${ino} ${size} ${mtimeNs} ${ctimeNs}`;
      if (known?.look === look && performance.now() - known.quietSince > TICK_MS) return;
      const quietSince = known?.look === look ? known.quietSince : performance.now();
      const bytes = readFileSync(fd);
      const settled = bytes.subarray(0, bytes.lastIndexOf(0x0a) + 1);
      if (known) this.#compare(file, known, ino, bytes);
      const longest = known && known.settled.length >= settled.length ? known.settled : settled;
      this.#known.set(file, { ino, look, quietSince, settled: longest, told: known?.told ?? false });
    } finally {
      closeSync(fd);
    }
  }

  #compare(file: string, known: Known, ino: bigint, bytes: Buffer): void {
    const before = known.settled;
    if (known.ino !== ino) this.#tell(known, `${file} has another inode`);
    if (bytes.length < before.length)
      this.#tell(known, `${file} was cut from ${before.length} to ${bytes.length} bytes`);
    else if (!before.equals(bytes.subarray(0, before.length)))
      this.#tell(known, `${file}: a byte before a newline changed`);
  }

  /** Once for each file: after a change everything differs. */
  #tell(known: Known, sentence: string): void {
    if (known.told) return;
    known.told = true;
    this.report.broken.push(sentence);
  }
}

/** More than the granularity of file times (4 ms with HZ=250). */
const TICK_MS = 50;

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function manifestFiles(manifests: string): string[] {
  const names = readdirSync(manifests, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.jsonl'));
}

if (process.argv[1] === import.meta.filename) {
  const tail = new Tail(process.argv[2]!);
  tail.look();
  process.stdout.write('ready\n');
  const timer = setInterval(() => tail.look(), 5);
  process.stdin.resume().on('end', () => {
    clearInterval(timer);
    tail.look();
    process.stdout.write(`${JSON.stringify(tail.report)}\n`);
  });
}
