/**
 * Commands of the product as a reader can paste them: found by the reader's shell, for the state that is spoken of, as a user who
 * may use it.
 * Guarantees: one function makes each printed command, from the arguments of the command that the reader (or, for a page, a log and
 * an alarm, the operator of the service) has called. A command that is complete stays as it is.
 */
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inPackage } from '../../package.js';
import { quoted } from '../shell.js';
import { COMMANDS, type CommandSpec } from './commands.js';
import type { Given, Invocation } from './read.js';
import { allFields, isFeedOption } from './schema.js';
import { statePathOf } from './state-path.js';

/** The place in which a printed command is pasted. Plain data: a parent sends it to its children. */
export interface Shell {
  /** The words before the name of a program: `sudo -u USER`, or none. */
  as: string[];
  /** The folder of the programs; '' where the shell finds them by name. */
  folder: string;
  /** Options that were given, and how they are written. */
  options: [option: string, flags: string[]][];
}

/** Options that find a state, and those of its feeds. */
const isPlace = (option: string): boolean => ['config', 'state-path'].includes(option) || isFeedOption(option);

/** The shell from which the command was called. */
export function shellOf(invocation: Invocation, env: NodeJS.ProcessEnv): Shell {
  const statePath = statePathIn(invocation, env);
  const owner = statePath === undefined ? undefined : ownerOf(statePath);
  const options = given(invocation, (word) => word);
  if (owner === undefined || owner === process.geteuid!()) return shellAs(undefined, env, options);
  return shellAs(userOf(owner).name, env, withState(options, invocation, statePath));
}

/** For a reader who is anywhere on the machine, and logs in as a user who may log in. */
export function anyShellOf(invocation: Invocation, env: NodeJS.ProcessEnv): Shell {
  const { name, mayLogIn } = userOf(process.geteuid!());
  const options = withState(given(invocation, resolve), invocation, statePathIn(invocation, env));
  return shellAs(mayLogIn ? undefined : name, env, options);
}

/** `user`: the one whom the reader has to become; undefined: nobody else. */
const shellAs = (user: string | undefined, env: NodeJS.ProcessEnv, options: Shell['options']): Shell => ({
  as: user === undefined ? [] : ['sudo', '-u', quoted(user)],
  folder: folderOf(env, user !== undefined),
  options,
});

function given({ given: options }: Invocation, pathOf: (word: string) => string): Shell['options'] {
  return options
    .filter(({ option }) => isPlace(option))
    .map(({ option, value }) => [
      option,
      flagsOf(option, value, allFields[option]!.meta.isPath ? pathOf : (word) => word),
    ]);
}

function flagsOf(option: string, value: Given['value'], spelling: (word: string) => string): string[] {
  if (typeof value === 'boolean') return [value ? `--${option}` : `--no-${option}`];
  return value.map((word) => {
    const shown = quoted(spelling(word));
    return shown.startsWith('-') ? `--${option}=${shown}` : `--${option} ${shown}`;
  });
}

/** Without an option or a file that says it, the path of the state depends on the home of the user. */
function withState(options: Shell['options'], { service }: Invocation, statePath: string | undefined) {
  if (statePath === undefined || service['state-path'] !== undefined) return options;
  return [...options, ['state-path', flagsOf('state-path', [statePath], String)] satisfies Shell['options'][number]];
}

function statePathIn(invocation: Invocation, env: NodeJS.ProcessEnv): string | undefined {
  try {
    return statePathOf(invocation, env);
  } catch {
    return undefined; // the command says so itself, where it needs one
  }
}

/** The owner of the file, or, where this user may not enter its folder, of the folder that is closed. */
function ownerOf(path: string): number | undefined {
  try {
    return statSync(path).uid;
  } catch (error) {
    const isClosed = (error as NodeJS.ErrnoException).code === 'EACCES';
    return isClosed && dirname(path) !== path ? ownerOf(dirname(path)) : undefined;
  }
}

const PASSWD = '/etc/passwd';

/** As passwd(5) has it. A user that it does not have is named by its number, as sudo takes it. */
function userOf(uid: number): { name: string; mayLogIn: boolean } {
  const users = existsSync(PASSWD) ? readFileSync(PASSWD, 'utf8').split('\n') : [];
  const fields = users.map((line) => line.split(':')).find(([, , number]) => number === String(uid));
  if (fields === undefined) return { name: `#${uid}`, mayLogIn: true };
  return { name: fields[0]!, mayLogIn: !/\/(nologin|false)$/.test(fields[6] ?? '') };
}

/** sudo looks for a program here alone, whatever PATH the caller has. */
const OF_SUDO = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

function folderOf({ PATH = '' }: NodeJS.ProcessEnv, isSudo: boolean): string {
  const own = fileURLToPath(inPackage('bin'));
  const isOwn = (folder: string): boolean => {
    const program = join(folder, 'ingest-ctl');
    return existsSync(program) && realpathSync(program) === join(own, 'ingest-ctl');
  };
  const folders = isSudo ? OF_SUDO : PATH.split(delimiter).filter(Boolean);
  return folders.some(isOwn) ? '' : own;
}

/** The fields of answers that are said to a person. Others, such as paths, stay as they are. */
const SAID = new Set(['sentence', 'sentences', 'release', 'hint', 'remedy', 'text', 'reason']);

/** A text, or an answer with texts in it, whose commands run when they are pasted. */
export function pasteable<T>(value: T, shell: Shell, isSaid = true): T {
  if (typeof value === 'string')
    return isSaid ? (value.replace(COMMAND, (_, command: string) => complete(command, shell)) as T) : value;
  if (Array.isArray(value)) return value.map((one) => pasteable(one, shell, isSaid)) as T;
  if (typeof value !== 'object' || value === null) return value;
  // Most events of a log say nothing: they are not copied.
  let answer = value;
  for (const key in value) {
    const one = pasteable(value[key], shell, SAID.has(key));
    if (one === value[key]) continue;
    if (answer === value) answer = { ...value };
    answer[key] = one;
  }
  return answer;
}

/** A command of the product between backticks (src/base/shell.ts), and its words. */
const WORDS = /(?: (?:[^`'"\\ ]|\\.|'[^']*'|"[^"]*")+)*/.source;
const COMMAND = new RegExp(`\`((?:ingest|ingest-[a-z]+|queue-stat)${WORDS})\``, 'g');

function complete(command: string, { as, folder, options }: Shell): string {
  const [program, verb] = command.split(' ');
  const name = program === 'ingest-ctl' ? `${program} ${verb}` : program;
  const spec: CommandSpec | undefined = Object.values(COMMANDS).find((one) => one.name === name);
  if (spec === undefined) return `\`${command}\``;
  const isThere = (option: string): boolean => new RegExp(` --${option}(?=[ =]|$)`).test(command);
  const added = options
    .filter(([option]) => spec.options.includes(option) && !isThere(option))
    .flatMap(([, flags]) => flags);
  // The options that this reader's command did not need.
  const has = (option: string): boolean => options.some(([one]) => one === option);
  const isNamed = ['input', 'state-path'].some(has) && !has('config');
  const asked = isNamed
    ? spec.needs.filter((option) => !has(option) && !isThere(option)).map((option) => `--${option} DIR`)
    : [];
  const at = folder === '' ? '' : `${quoted(folder)}/`;
  return `\`${[...as, `${at}${command}`, ...added, ...asked].join(' ')}\``;
}
