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
