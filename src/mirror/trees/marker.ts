/**
 * The marker in the hidden folder of DEST: which SOURCE it mirrors, and how that SOURCE is recognised.
 * Guarantees: the marker is whole or absent, and replaced in one step.
 */
import { closeSync, fsyncSync, writeFileSync } from 'node:fs';
import { removeIfThere } from '../../files/copy.js';
import { jsonAt } from '../../files/json-file.js';
import { type DirectoryId, nameOfText, O, openAt, renameReplacing } from '../../linux/index.js';

const NAME = nameOfText('mirror.json');
const TEMPORARY = nameOfText('mirror.json.new');

/** The remembered identity of SOURCE. A marker of an earlier version has less of it. */
export interface SourceSeen extends Partial<DirectoryId> {
  /** True: SOURCE was a mount point. If it is none now, its filesystem is missing. */
  mounted: boolean;
  /** The mount points below SOURCE, as latin1 of their bytes. */
  mounts: string[];
}

/** Fields that a marker of an earlier version may lack are optional. */
export interface Marker extends SourceSeen {
  version: 1;
  /** Real path. */
  source: string;
  /** The id of this mirror. DEST is recognised by it after it was missing. */
  id?: string;
  /** Every change in SOURCE until then was checked, and is in DEST. Milliseconds since 1970. */
  sinceMs?: number;
  /** The resolution of times in DEST, in nanoseconds. */
  stepNs?: number;
}

/** Undefined if there is none. `hidden`: the hidden folder. */
export function readMarker(hidden: number): Marker | undefined {
  const marker = jsonAt(hidden, NAME) as Marker | null | undefined;
  return marker?.version === 1 && typeof marker.source === 'string' ? marker : undefined;
}

export function writeMarker(hidden: number, marker: Marker): void {
  removeIfThere(hidden, TEMPORARY);
  const fd = openAt(hidden, TEMPORARY, O.WRONLY | O.CREAT | O.EXCL | O.NOFOLLOW, { mode: 0o600 });
  try {
    writeFileSync(fd, `${JSON.stringify(marker)}\n`);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameReplacing(hidden, TEMPORARY, hidden, NAME);
  fsyncSync(hidden);
}
