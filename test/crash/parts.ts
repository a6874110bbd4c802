/** The parts of the harness, in the order in which the full form runs them, with their faults. */
export const PARTS = {
  kill: 'SIGKILL before or after a call',
  error: 'a call that fails, once or from there on',
  recovery: 'SIGKILL, and a second one in the recovery',
  storm: 'SIGKILL in a run, in its recovery, in the recovery of that, and so on',
  processes: 'SIGKILL of one of the real processes',
  power: 'power cuts of all disks under load',
  frozen: 'every process stopped at random moments, and all files looked at',
  links: 'SIGKILL before or after a call, on filesystems without RENAME_NOREPLACE',
  mutants: 'the runs that the build as it is must pass, and each mutant must fail',
  adversaries:
    'racing writers, a hostile uploader, pauses, clocks, a crowd on one state, places that go away, overflows',
} as const;

/** The units of the short form; parts that are not named run all. About twenty minutes on two cores. */
export const SHORT: Partial<Record<Part, number>> = {
  kill: 200,
  error: 120,
  recovery: 40,
  storm: 10,
  processes: 10,
  power: 2,
  frozen: 1,
  links: 100,
};

export type Part = keyof typeof PARTS;

export const PART_NAMES = Object.keys(PARTS) as Part[];
export const isPart = (name: string): name is Part => Object.hasOwn(PARTS, name);
