/**
 * The path of the state: as --state-path says, else a file of its own for each input below the user's state directory.
 * Guarantees: the same input leads to the same state, by every path that names it; nothing is made here.
 */
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { EnvironmentError, OperatorError } from '../errors.js';
import type { Invocation } from './read.js';
import { realOrFuturePath } from './values/directories.js';

export function statePathOf(invocation: Invocation, env: NodeJS.ProcessEnv): string {
  const given = invocation.service['state-path'];
  if (given !== undefined) return asFile(invocation.origin('state-path'), realOrFuturePath(given));
  // Several feeds share the state that belongs to the first of them.
  const input = invocation.feeds[0]?.values.input;
  if (input !== undefined) return defaultStatePath(realOrFuturePath(input), env);
  throw new OperatorError(
    'state_unknown',
    `${invocation.spec.name} has to know the state that it is for, but neither --state-path, --input nor --config was given; add one of them.`,
  );
}

export function defaultStatePath(realInput: string, env: NodeJS.ProcessEnv): string {
  const xdg = env.XDG_STATE_HOME;
  const home = xdg !== undefined && isAbsolute(xdg) ? xdg : join(homeOfUser(), '.local', 'state');
  const id = createHash('sha256').update(realInput).digest('hex').slice(0, 16);
  return join(home, 'atomic-ingestor', id, 'state.db');
}

/** Errors: OperatorError where HOME does not say it, and the system has no entry for this user either. */
function homeOfUser(): string {
  let home = '';
  try {
    home = homedir();
  } catch {
    // Said below.
  }
  if (isAbsolute(home)) return home;
  throw new OperatorError(
    'state_unknown',
    `the state has its place below the home of its user, but HOME names none and uid ${process.geteuid?.()} has no entry in /etc/passwd; add --state-path.`,
  );
}

/** Errors: EnvironmentError where this user may not look: a state that is closed is not a state that is gone. */
export function isStateThere(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    throw new EnvironmentError(
      'state_missing',
      `the state ${path} cannot be opened (${code}); run the command as the user that ingest runs as.`,
    );
  }
}

/** For commands that read a state or change what is in it, and must not make one. */
export function existingState(path: string): string {
  if (isStateThere(path)) return path;
  throw new EnvironmentError(
    'state_missing',
    `there is no state at ${path}; name the right one by --state-path, --input or --config, or start ingest, which makes it.`,
  );
}

function asFile(origin: string, path: string): string {
  let isDirectory = false;
  try {
    isDirectory = statSync(path).isDirectory();
  } catch {
    return path; // it is made at the start
  }
  if (!isDirectory) return path;
  throw new OperatorError(
    'state_path_directory',
    `${origin} must be the path of a file, but ${path} is a directory; name a file in it, for example ${join(path, 'state.db')}.`,
  );
}
