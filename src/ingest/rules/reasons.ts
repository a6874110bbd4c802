/**
 * A reason for which a file waits: what it is called in a count, who has to act, after how long it is a finding, and the sentence and
 * remedy of that finding. Here are those of several stages, or of none; a stage's own stand in its file, and
 * src/ingest/stages/reasons.ts has them all.
 * Holds are not waits: they have codes of their own (src/base/errors.ts).
 */
import { openersOf } from '../../base/shell.js';
import { shownBytes } from '../../base/telemetry/safe.js';
import type { ByteName } from '../../linux/index.js';

/** Only what an operator can act on stops files; everything else is worth knowing at most. */
export type WhoActs = 'nobody' | 'uploader' | 'operator';

/** The files that wait for one reason, as their finding names them. */
export interface Named {
  /** `a.csv and 11 more` */
  which: string;
  /** The path at which the oldest of them lies. */
  at: ByteName;
  bytes: number;
  /** Checks in a row that found it open for writing, and unchanged. */
  refusals: number;
  /** That has its content under way; '': none. */
  host: string;
}

export interface Reason {
  /** After a number: `12 no sidecar`. */
  short: string;
  who: WhoActs;
  /** Undefined: it ends by itself, or it is part of another finding. */
  finding?: {
    /** Its code, if that is not the reason's. */
    code?: string;
    /** The age of the oldest file. */
    afterMs: number;
    /** Left out: what an operator has to act on is stuck, all else a notice. */
    isStuck?: (one: Named) => boolean;
    sentence: (one: Named) => string;
    release: (one: Named) => string;
  };
}

export const AT_ONCE_MS = 0;
/** A check finds a writer by chance once or twice. */
const OPEN_LATE_MS = 10_000;
/** They come once a minute: its writer has written nothing for four hours, and has not closed it. */
const REFUSALS_STUCK = 240;
/** A sidecar that is later than this was usually forgotten. */
export const SIDECAR_LATE_MS = 3_600_000;

/** By the code that a job's row has as its stage gave it with `defer`. */
export type Reasons = Readonly<Record<string, Reason>>;

/** The job is due again at once, so it only waits for its turn. */
export const TURN: Reason = { short: 'next in turn', who: 'nobody' };

export const COMMON = {
  window: { short: 'in the quiet window', who: 'nobody' },
  changed: { short: 'changing', who: 'nobody' },
  private_copy: { short: 'to be copied after a quiet window', who: 'nobody' },
  sidecar_open: {
    short: 'sidecar open for writing',
    who: 'uploader',
    finding: {
      afterMs: SIDECAR_LATE_MS,
      sentence: ({ which }) => `Somebody is still writing the sidecar of ${which}.`,
      release: () => 'the writer has to close it',
    },
  },
  writer_open: {
    short: 'open for writing',
    who: 'uploader',
    finding: {
      afterMs: OPEN_LATE_MS,
      sentence: ({ which, refusals }) =>
        `Somebody still has ${which} open for writing; ${refusals} checks in a row found it open, and unchanged.`,
      isStuck: ({ refusals }) => refusals >= REFUSALS_STUCK,
      release: ({ at }) => `the writer has to close it; its process: ${openersOf(at)}`,
    },
  },
  below_mark: {
    short: 'too large for the free space',
    who: 'operator',
    finding: {
      code: 'low_space',
      afterMs: AT_ONCE_MS,
      sentence: ({ which, bytes }) =>
        `${which} (${shownBytes(bytes)}) would leave less free at the warehouse than --min-free-bytes, and is not copied.`,
      release: () => 'free some space there, or lower the watermark; it is checked again by itself',
    },
  },
  mount_missing: {
    short: 'mount missing',
    who: 'operator',
    finding: {
      afterMs: AT_ONCE_MS,
      sentence: ({ which }) =>
        `The file system below the input that has ${which} is not mounted, is full or read-only, or fails.`,
      release: () =>
        'mount it, free space there, or see its disk; the event mount_missing of the log has the path and the error',
    },
  },
  no_room: { short: 'no room for a copy', who: 'operator' },
  unknown_feed: { short: 'of an unknown feed', who: 'operator' },
  retry: { short: 'failed, to be tried again', who: 'nobody' },
  paused: { short: 'paused', who: 'operator' },
  gate: { short: 'at a closed gate', who: 'operator' },
  turn: TURN,
  another_version: TURN,
  draining: TURN,
  duplicate: TURN,
  look_again: TURN,
  other_mount: TURN,
  sidecar_of_earlier_version: TURN,
  stored: TURN,
} as const satisfies Reasons;
