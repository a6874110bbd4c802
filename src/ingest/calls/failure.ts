/**
 * The error of a failed call, in a form that can cross from a thread to the main thread.
 * Guarantees: the main thread gets an error of the same class, with the same message and code.
 */
import { BelowMark, errnoOf, NoRoom, PlaceError, type PlaceKind } from '../../files/place-error.js';
import { LinuxError } from '../../linux/index.js';
import { MountUnusable } from '../files/feed-files.js';
import { type Answer, isFailed } from './order.js';

/** The fields of a NoRoom. */
interface Copy {
  code: string;
  bytes: number;
  capacityBytes: number;
}

type Failure =
  | { of: 'place'; place: PlaceKind; path: string; code: string; message: string; copy: Copy | undefined }
  | { of: 'below_mark'; bytes: number; keepFree: number; capacityBytes: number }
  | { of: 'mount'; path: string; message: string }
  | { of: 'call'; call: string; errno: number; message: string }
  | { of: 'other'; code: string | undefined; message: string; stack: string | undefined };

export const packed = (answer: Answer): Answer =>
  isFailed(answer) ? { kind: 'failed', error: failureOf(answer.error) } : answer;

export const unpacked = (answer: Answer): Answer =>
  isFailed(answer) ? { kind: 'failed', error: errorOf(answer.error as Failure) } : answer;

function failureOf(error: unknown): Failure {
  if (error instanceof PlaceError) {
    const { place, path, code, message, copy } = error;
    return { of: 'place', place, path, code, message, copy: copy && { ...copy } };
  }
  if (error instanceof BelowMark) return { of: 'below_mark', ...error };
  if (error instanceof MountUnusable) return { of: 'mount', path: error.path, message: error.message };
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  if (error instanceof LinuxError) return { of: 'call', call: error.call, errno: error.errno, message };
  return { of: 'other', code: errnoOf(error), message, stack };
}

function errorOf(failure: Failure): Error {
  switch (failure.of) {
    case 'place':
      return new PlaceError(failure.place, failure.path, failure.code, failure.message, noRoom(failure.copy));
    case 'below_mark':
      return new BelowMark(failure.bytes, failure.keepFree, failure.capacityBytes);
    case 'mount':
      return new MountUnusable(failure.path, failure.message);
    case 'call':
      return Object.assign(new LinuxError(failure.call, failure.errno), { message: failure.message });
    case 'other': {
      const { code, message, stack } = failure;
      return Object.assign(new Error(message), { ...(code !== undefined && { code }), stack });
    }
  }
}

const noRoom = (copy: Copy | undefined): NoRoom | undefined =>
  copy && new NoRoom(copy.code, copy.bytes, copy.capacityBytes);
