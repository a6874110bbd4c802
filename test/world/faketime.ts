/** libfaketime: a process whose clock is ahead. */
import { existsSync } from 'node:fs';

const FAKETIME = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1';

export const hasFaketime = (): boolean => existsSync(FAKETIME);

/** Monotonic clocks stay unchanged, because a server's waits use them. */
export const ahead = (seconds: number): NodeJS.ProcessEnv => ({
  LD_PRELOAD: FAKETIME,
  FAKETIME: `+${seconds}s`,
  DONT_FAKE_MONOTONIC: '1',
});

/** The same, by what that file says: `+60s`. It may change while the process runs, which looks at it once a second. */
export const aheadBy = (file: string): NodeJS.ProcessEnv => ({
  LD_PRELOAD: FAKETIME,
  FAKETIME_TIMESTAMP_FILE: file,
  FAKETIME_CACHE_DURATION: '1',
  DONT_FAKE_MONOTONIC: '1',
});
