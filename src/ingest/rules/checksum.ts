/**
 * Reads the text of a sidecar: which SHA-256 does it demand of its file? Understands what sha256sum, shasum, cksum, openssl, BSD's
 * sha256 and PowerShell's Get-FileHash print, in UTF-8 and UTF-16, and says where a checksum is there in another form. Pure.
 * Guarantees: a checksum is used, or reported as unclear. It is never passed over.
 */
import { baseOf } from '../../files/job-paths.js';
import { type ByteName, nameOfText } from '../../linux/names.js';
import type { JobFacts } from './facts.js';

export type Checksum =
  /** Lower-case hex. */
  | { kind: 'sha256'; sha256: string }
  /** Something like a SHA-256 is in it, perhaps damaged, and it is not clear what it demands. */
  | { kind: 'unclear' }
  /** Text without a SHA-256: a word, an MD5. */
  | { kind: 'other' }
  | { kind: 'nothing' };

interface Entry {
  sha256: string;
  /** The name may begin after a sign for the mode of reading (` *NAME`), or with that sign. */
  names: readonly string[];
}

/** 64 digits; pairs, as by `openssl -c` and .NET; base64, as by `cksum --base64`. */
const DIGEST = '([0-9a-f]{64}|[0-9a-f]{2}(?:[: -][0-9a-f]{2}){31}|[0-9a-z+/]{43}=)';
/** `DIGEST`, `DIGEST  NAME`, `DIGEST *NAME`; with a backslash before it, the name has escapes. */
const PLAIN = new RegExp(`^(\\\\?)${DIGEST}(?:[ \\t](.*))?$`, 'is');
/** `SHA256 (NAME) = DIGEST`, `SHA2-256(NAME)= DIGEST`, and of older openssl `(stdin)= DIGEST` */
const TAGGED = new RegExp(`^(\\\\?)(?:SHA(?:2-)?-?256)? ?\\((.*)\\) ?= ?${DIGEST}$`, 'is');
/** A row of the table of Get-FileHash. */
const ROW = new RegExp(`^SHA256\\s+${DIGEST}(?:\\s+(.*))?$`, 'is');
/** The same as a list: `Algorithm : SHA256`, `Hash : DIGEST`, `Path : NAME`. A long name goes on in the next line. */
const LISTED = new RegExp(`^Hash *: *${DIGEST}$`, 'im');
const OTHER_ALGORITHM = /^Algorithm *:(?! *SHA256 *$)/im;
const PATH = /^Path *: *(.*)$/im;
const OF_LIST = /^(?:Algorithm|Hash|Path) *:|^\s/i;

/** 64 hexadecimal digits in any form: whole, in pairs, in groups of eight (gpg). */
const DIGITS =
  /(?<![0-9a-f])(?:[0-9a-f]{64}|(?:[0-9a-f]{2}[^0-9a-z]){31}[0-9a-f]{2}|(?:[0-9a-f]{8}\s+){7}[0-9a-f]{8})(?![0-9a-f])/i;

/**
 * A SHA-256 that was damaged on its way: a longer word than an MD5 with 32 hexadecimal digits in a row, unless it is as long as the
 * digest of another algorithm; or a line that names SHA-256 and gives none.
 */
const DAMAGED =
  /\b(?!(?:[0-9a-f]{40}|[0-9a-f]{48}|[0-9a-f]{56}|[0-9a-f]{96}|[0-9a-f]{128})\b)(?=[0-9a-z]*?[0-9a-f]{32})[0-9a-z]{33,}|SHA(?:2-)?-?256\b.*=/i;

/** `path`: the file that the sidecar belongs to. */
export function checksumIn(raw: Buffer, path: ByteName): Checksum {
  const text = textOf(raw);
  if (text.trim() === '') return { kind: 'nothing' };
  const entries: Entry[] = [];
  let isUnclear = false;
  for (const part of partsOf(text)) {
    const entry = entryIn(part);
    if (entry) entries.push(entry);
    // The file's own name may look like a checksum.
    else isUnclear ||= [DIGITS, DAMAGED].some((form) => form.test(part.replaceAll(baseOf(path), '')));
  }
  for (const name of [path, baseOf(path)]) {
    const own = digestsOf(entries, ({ names }) => names.some((one) => isPathOf(one, name)));
    if (own.length === 1) return { kind: 'sha256', sha256: own[0]! };
    if (own.length > 1) return { kind: 'unclear' };
  }
  const all = digestsOf(entries, () => true);
  // Written under another name, or without one.
  if (all.length === 1 && !isUnclear) return { kind: 'sha256', sha256: all[0]! };
  return { kind: isUnclear || all.length > 1 ? 'unclear' : 'other' };
}

const digestsOf = (entries: readonly Entry[], of: (entry: Entry) => boolean): string[] => [
  ...new Set(entries.filter(of).map(({ sha256 }) => sha256)),
];

/** `name` may be an absolute path, also one of Windows. */
const isPathOf = (name: string, path: ByteName): boolean =>
  [name, name.replaceAll('\\', '/')].some((one) => one === path || one.endsWith(`/${path}`));

/** Lines, and the records of a list. `--zero` ends its lines with NUL, and names may have newlines there. */
function partsOf(text: string): string[] {
  if (text.includes('\0')) return text.split('\0');
  const blocks = text.replaceAll('\r\n', '\n').split(/\n\s*\n/);
  return blocks.flatMap((block) => (isRecord(block) ? [block.trim().replace(/\n\s+/g, '')] : block.split('\n')));
}

function isRecord(block: string): boolean {
  const lines = block.trim().split('\n');
  return lines.every((line) => OF_LIST.test(line)) && lines.filter((line) => LISTED.test(line.trim())).length === 1;
}

function entryIn(part: string): Entry | undefined {
  const trimmed = part.trim();
  const plain = PLAIN.exec(trimmed);
  if (plain) {
    const [, sign, digest, name = ''] = plain;
    return entry(digest!, [name, name.slice(1)], sign);
  }
  const tagged = TAGGED.exec(trimmed);
  if (tagged) return entry(tagged[3]!, [tagged[2]!], tagged[1]);
  const row = ROW.exec(trimmed);
  if (row) return entry(row[1]!, [row[2] ?? '']);
  const listed = OTHER_ALGORITHM.test(trimmed) ? null : LISTED.exec(trimmed);
  return listed ? entry(listed[1]!, [PATH.exec(trimmed)?.[1] ?? '']) : undefined;
}

const entry = (digest: string, names: readonly string[], sign = ''): Entry => ({
  sha256: digest.endsWith('=')
    ? Buffer.from(digest, 'base64').toString('hex')
    : digest.replace(/[: -]/g, '').toLowerCase(),
  names: sign === '' ? names : names.map(unescaped),
});

const ESCAPED: Record<string, string> = { n: '\n', r: '\r' };
const unescaped = (name: string): string =>
  name.replace(/\\([\\nr])/g, (_, escaped: string) => ESCAPED[escaped] ?? escaped);

/** As the bytes of UTF-8 would be: names are compared as bytes. Other encodings have the same digits and letters. */
function textOf(raw: Buffer): string {
  const order = byteOrderOf(raw);
  if (order === undefined) return raw.toString('latin1').replace(/^\xef\xbb\xbf/, '');
  const even = Buffer.from(raw.subarray(0, raw.length & ~1));
  // UTF-32 has a NUL between the characters.
  return nameOfText((order === 'big' ? even.swap16() : even).toString('utf16le').replace(/[\0\ufeff]/g, ''));
}

/** The byte order of UTF-16, by its mark or by its first character. */
function byteOrderOf([first, second]: Buffer): 'little' | 'big' | undefined {
  if (first === undefined || second === undefined) return undefined;
  if ((first === 0xff && second === 0xfe) || (first !== 0 && second === 0)) return 'little';
  return (first === 0xfe && second === 0xff) || first === 0 ? 'big' : undefined;
}

/** The part of a job's facts that comes from its sidecar. */
export type Demand = Pick<JobFacts, 'demanded' | 'unclear'>;

export function demandOf(checksum: Checksum): Demand {
  if (checksum.kind === 'sha256') return { demanded: checksum.sha256 };
  return checksum.kind === 'unclear' ? { unclear: true } : {};
}

/** The codes of files that another sidecar releases. */
export const UNPROVEN = ['checksum_mismatch', 'sidecar_not_understood'] as const;

/** Why a file with this SHA-256 does not go on. Undefined where its sidecar demands nothing else. */
export function refusedBy(
  { demanded, unclear }: Demand,
  sha256: string,
): { code: (typeof UNPROVEN)[number]; reason: string } | undefined {
  if (unclear) {
    const reason = `its SHA-256 is ${sha256}, and its sidecar has a checksum that is not understood: it must be as sha256sum, shasum, cksum, openssl or Get-FileHash print it, and of several lines one must be for this file`;
    return { code: 'sidecar_not_understood', reason };
  }
  if (demanded === undefined || demanded === sha256) return undefined;
  return { code: 'checksum_mismatch', reason: `its SHA-256 is ${sha256}, but its sidecar demands ${demanded}` };
}
