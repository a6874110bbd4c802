/**
 * The catalogue of reasons for which a file waits: what each is called in a count, who has to act, after how long it is a finding,
 * and the sentence and remedy of that finding. Every view reads it, so a file waits for the same reason everywhere.
 * A job's row has the code as its stage gave it with `defer`; `codeOf` finds the entry. Holds are not waits: they have codes of their
 * own (src/base/errors.ts).
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
  /** Checks in a row that found it open for writing. */
  refusals: number;
}

interface Reason {
  /** After a number: `12 no sidecar`. */
  short: string;
  who: WhoActs;
  /** Undefined: it ends by itself, or it is part of another finding. */
  finding?: {
    /** Its code, if that is not the reason's. */
    code?: string;
    /** The age of the oldest file. */
    afterMs: number;
    sentence: (one: Named) => string;
    release: (one: Named) => string;
  };
}

const AT_ONCE_MS = 0;
/** A check finds a writer by chance once or twice. */
const OPEN_LATE_MS = 10_000;
/** A sidecar that is later than this was usually forgotten. */
const SIDECAR_LATE_MS = 3_600_000;

export const REASONS = {
  window: { short: 'in the quiet window', who: 'nobody' },
  changed: { short: 'changing', who: 'nobody' },
  private_copy: { short: 'to be copied after a quiet window', who: 'nobody' },
  no_sidecar: {
    short: 'no sidecar',
    who: 'uploader',
    finding: {
      afterMs: SIDECAR_LATE_MS,
      sentence: ({ which }) => `No sidecar has come for ${which}.`,
      release: () => 'the uploader has to deliver it',
    },
  },
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
        `Somebody still has ${which} open for writing; ${refusals} checks in a row found it open.`,
      release: ({ at }) => `the writer has to close it; its process: ${openersOf(at)}`,
    },
  },
  partial_upload: {
    short: 'cut uploads',
    who: 'uploader',
    finding: {
      afterMs: AT_ONCE_MS,
      sentence: ({ which }) => `The mtime of ${which} is 0, as rsync --partial leaves a file that it could not finish.`,
      release: () =>
        'it is taken when it has not changed for --partial-upload-seconds; at once after touch, if it is whole',
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
      sentence: ({ which }) => `The file system below the input in which ${which} was sealed is not mounted.`,
      release: () => 'mount it; `ingest-ctl explain PATH` says where',
    },
  },
  no_room: { short: 'no room for a copy', who: 'operator' },
  unknown_feed: { short: 'of an unknown feed', who: 'operator' },
  manifest_busy: { short: 'manifest busy', who: 'nobody' },
  manifest_leased: { short: 'manifest open elsewhere', who: 'nobody' },
  twin: { short: 'waiting for a twin', who: 'nobody' },
  retry: { short: 'failed, to be tried again', who: 'nobody' },
  paused: { short: 'paused', who: 'operator' },
  gate: { short: 'at a closed gate', who: 'operator' },
  turn: { short: 'next in turn', who: 'nobody' },
} as const satisfies Record<string, Reason>;

export type ReasonCode = keyof typeof REASONS;

export const reasonOf = (code: ReasonCode): Reason => REASONS[code];

/** The job is due again at once, so it only waits for its turn. */
export type AtOnce =
  | 'another_version'
  | 'draining'
  | 'look_again'
  | 'other_mount'
  | 'process_again'
  | 'process_died'
  | 'sidecar_corrected'
  | 'sidecar_of_earlier_version'
  | 'sidecar_put_aside'
  | 'sidecar_read';

/** The entry for the reason in a job's row. `attempts`: how often the stage has failed with it. */
export function codeOf(reason: string, attempts: number): ReasonCode {
  if (Object.hasOwn(REASONS, reason)) return reason as ReasonCode;
  return attempts > 0 ? 'retry' : 'turn';
}
