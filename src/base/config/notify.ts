/**
 * The receivers of alarms: a command, a webhook, or both.
 * Guarantees: a command that cannot be run, and an invalid address, are refused before anything starts.
 */
import { accessSync, constants, statSync } from 'node:fs';
import { OperatorError } from '../errors.js';
import type { Invocation } from './read.js';
import { limits } from './values/limits.js';
import { secretOf } from './values/secret.js';

export interface NotifyOptions {
  /** A program and its arguments. */
  command: string[] | undefined;
  webhook: string | undefined;
  /** Undefined: webhooks are not signed. */
  secret: string | undefined;
}

export const SECRET_VARIABLE = 'INGEST_NOTIFY_SECRET';
const SECRET = { option: 'notify-secret-file', variable: SECRET_VARIABLE, what: 'secret' };

/** The signs of a shell. There is no shell, so a command with one of them would not mean what it says; a script does. */
const OF_A_SHELL = /['"`$|&;<>(){}\\\0]/;

/** Undefined where it is not a path that words may follow. */
export function commandOf(text: string): string[] | undefined {
  if (text.length > limits.notifyCharsMax || OF_A_SHELL.test(text)) return undefined;
  const words = text.trim().split(/\s+/);
  return words[0]!.startsWith('/') ? words : undefined;
}

/** Undefined where it is not an address of the web; a password in it would be seen wherever the address is. */
export function webhookOf(text: string): URL | undefined {
  if (text.length > limits.notifyCharsMax || !/^https?:\/\//i.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  return url.username === '' && url.password === '' ? url : undefined;
}

/** Undefined for a command that sends no alarms: such a command shares the file and ignores these options. */
export function notifyOf({ spec, service, origin }: Invocation, env: NodeJS.ProcessEnv): NotifyOptions | undefined {
  if (!spec.options.includes('notify-command')) return undefined;
  const [given, webhook] = [service['notify-command'], service['notify-webhook']];
  if (given === undefined && webhook === undefined) return undefined;
  const command = given === undefined ? undefined : commandOf(given);
  if (command !== undefined) refuseUnusable(origin('notify-command'), command[0]!);
  return { command, webhook, secret: secretOf(SECRET, service['notify-secret-file'], env) };
}

function refuseUnusable(origin: string, program: string): void {
  let why = 'is no file';
  try {
    accessSync(program, constants.X_OK);
    if (statSync(program).isFile()) return;
  } catch (error) {
    why = `cannot be (${(error as NodeJS.ErrnoException).code})`;
  }
  throw new OperatorError(
    'notify_command_unusable',
    `${origin} must name a program that this user can run, but ${program} ${why}; check its path and permissions.`,
  );
}
