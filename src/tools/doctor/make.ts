/**
 * The command that makes a missing folder so that the user who runs doctor may use it. "Add a feed" in the runbook has the same one.
 * A plain `sudo mkdir` makes a folder of root that the service may not write.
 */
import { readFileSync } from 'node:fs';
import { quoted } from '../../base/shell.js';
import { type PlaceKind, unlessRefused } from '../../files/place-error.js';
import { userName } from '../../linux/index.js';

/** The group of uploaders that the Debian package makes. */
const UPLOADERS = 'ingest-upload';

export function makes(kind: PlaceKind, path: string): string {
  const own = groupNamed(String(process.getegid?.()));
  const group = kind === 'input' ? (groupNamed(UPLOADERS) ?? own) : own;
  // setgid: new files get the group of the input.
  const mode = { input: ' -m 2775', state: ' -m 750' }[kind as string] ?? '';
  return `sudo install -d -o ${userName()} -g ${group ?? process.getegid?.()}${mode} ${quoted(path)}`;
}

/** A container may have no such file. */
const groups = (): string[][] =>
  (unlessRefused(() => readFileSync('/etc/group', 'utf8')) ?? '').split('\n').map((line) => line.split(':'));

/** Returns the name of a group of /etc/group, by its name or number. */
function groupNamed(wanted: string): string | undefined {
  return groups().find(([name, , gid]) => name === wanted || gid === wanted)?.[0];
}
