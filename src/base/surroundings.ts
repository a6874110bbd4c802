/**
 * Checks the system for what no command can do without: openat2(2), and a complete /proc.
 * Guarantees: a lack is one sentence, and is found before anything else is opened.
 * Does not: ask about places and limits; each is checked where it is used. Source: openat2(2), proc(5), systemd.exec(5).
 */
import { accessSync } from 'node:fs';
import { release } from 'node:os';
import { AT_FDCWD, bootId, closeFd, type LinuxError, nameOfText, O, openAt } from '../linux/index.js';
import { EnvironmentError } from './errors.js';

/** Undefined where nothing is missing. */
export const lackHere = (): EnvironmentError | undefined => lackOfProc() ?? lackOfOpenat2();

/** Every command but `doctor` begins with it; `doctor` prints the lack among its findings. */
export function refuseLack(): void {
  const lack = lackHere();
  if (lack) throw lack;
}

function lackOfProc(): EnvironmentError | undefined {
  const descriptors = codeOf(() => accessSync('/proc/self/fd'));
  if (descriptors !== undefined)
    return new EnvironmentError(
      'proc_unusable',
      `/proc must be mounted, because open directories are reached through it, but /proc/self/fd cannot be used (${descriptors}); run mount -t proc proc /proc in this container or chroot, before the command.`,
    );
  const boot = codeOf(bootId);
  if (boot !== undefined)
    return new EnvironmentError(
      'proc_unusable',
      `/proc must be mounted whole, because each time in the state is of one boot, but /proc/sys/kernel/random/boot_id cannot be read (${boot}); mount it without subset=pid, or set ProcSubset=all in the unit.`,
    );
  return undefined;
}

/** No directory refuses O_PATH to the root: a refusal comes from the kernel or from a filter before it. */
function lackOfOpenat2(): EnvironmentError | undefined {
  const code = codeOf(() => closeFd(openAt(AT_FDCWD, nameOfText('/'), O.PATH | O.DIRECTORY)));
  if (code === undefined) return undefined;
  const why = isOlderThan(5, 6)
    ? 'this kernel is older; run a newer one'
    : 'a seccomp filter refuses it; in a unit set RestrictSUIDSGID=no and add openat2 to SystemCallFilter=, in a container install a newer runtime and libseccomp';
  return new EnvironmentError(
    'openat2_refused',
    `openat2(2) is needed to open every path (Linux 5.6 or newer), but Linux ${release()} answers ${code}: ${why}.`,
  );
}

function isOlderThan(major: number, minor: number): boolean {
  const [its = 0, itsMinor = 0] = release().split('.').map(Number);
  return its < major || (its === major && itsMinor < minor);
}

function codeOf(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException | LinuxError;
    if (code === undefined) throw error;
    return code;
  }
}
