/**
 * The one error of this folder: a failed system call with its errno, its name and its path.
 * Guarantees: `code` is spelled as Node spells it (`ENOTSUP`, not `EOPNOTSUPP`), so callers compare one spelling.
 * Does not: write a message for an operator. The caller that knows the option or the root writes it.
 */
import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';
import { type ByteName, shownName } from './names.js';

export const ERRNO = constants.errno;

/** Filesystems really return these errors, but neither Node nor libuv has a name for them. */
const NAMELESS: Record<number, string> = { 117: 'EUCLEAN', 121: 'EREMOTEIO', 123: 'ENOMEDIUM' };

const described = getSystemErrorMap();
const spelled = new Map<number, string>(Object.entries(constants.errno).map(([code, errno]) => [errno, code]));

export function codeOfErrno(errno: number): string {
  return described.get(-errno)?.[0] ?? spelled.get(errno) ?? NAMELESS[errno] ?? `E${errno}`;
}

export class LinuxError extends Error {
  override readonly name = 'LinuxError';
  /** For example `ENOENT`. */
  readonly code: string;
  /** The path as text for people; empty if the call had only a descriptor. */
  readonly path: string;

  constructor(
    /** The name of the system call. */
    readonly call: string,
    /** Positive, as in C. Node's own errors have it negative. */
    readonly errno: number,
    about: ByteName | '' = '',
    hint = '',
  ) {
    const code = codeOfErrno(errno);
    const path = shownName(about as ByteName);
    const what = described.get(-errno)?.[1] ?? 'failed';
    super(`${code}: ${what}, ${call}${path === '' ? '' : ` '${path}'`}${hint === '' ? '' : ` (${hint})`}`);
    this.code = code;
    this.path = path;
  }
}
