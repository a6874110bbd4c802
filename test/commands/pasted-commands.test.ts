/**
 * Commands that the product prints run when they are pasted: from the folder of the reader, for the state that was spoken of, as
 * a user who may use it. Each one that is printed in these situations is run by sh.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pasteable } from '../../src/base/config/paste.js';
import { quoted, typed } from '../../src/base/shell.js';
import { freePort } from '../service/dashboard/served.js';
import { skipUnlessInstalled } from '../simulate/installed.js';
import { changeChain } from '../world/chains.js';
import { PACKAGE, type StartOptions } from '../world/program.js';
import { PLAIN_SHELL } from '../world/shell.js';
import { give, ordinaryUser, skipUnlessReachable, skipUnlessRoot } from '../world/users.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

/** A folder and files whose names a shell would take apart. */
const HERE = "it's here";
const CONFIG = 'my conf.yaml';
const LARGE = 'a "large" one.csv';
const FLAGS = ['--input', 'in', '--warehouse', 'wh', '--manifests', 'mf', '--state-path', 'st/my state.db'];
const CONFIGURATION = {
  ...{ input: 'in', warehouse: 'wh', manifests: 'mf', 'state-path': 'st/my state.db', 'max-bytes': 100 },
  ...{ 'stability-seconds': 0, 'quiet-ms': 50 },
};

/** The ways in which a reader names the state. */
const SPELLINGS: { args: string[]; env?: NodeJS.ProcessEnv }[] = [
  { args: ['--state-path', 'st/my state.db'] },
  { args: ['--config', CONFIG] },
  { args: [], env: { INGEST_STATE_PATH: 'st/my state.db' } },
];

class Place {
  readonly world: World;
  readonly folder: string;

  constructor(t: TestContext, options: { isOfOrdinary?: boolean } = {}) {
    this.world = createWorld(t, options.isOfOrdinary ? { user: ordinaryUser } : {});
    this.folder = join(this.world.root, HERE);
    const folders = ['.', 'in', 'wh', 'mf', 'st', 'wh/my day'].map((name) => join(this.folder, name));
    for (const folder of folders) mkdirSync(folder, { recursive: true });
    writeFileSync(join(this.folder, CONFIG), JSON.stringify(CONFIGURATION));
    if (options.isOfOrdinary) give(ordinaryUser, ...folders);
  }

  run(command: string, args: readonly string[], options: StartOptions = {}) {
    return this.world.launch(command, args, { cwd: this.folder, ...options }).ended;
  }

  /** A file that is held, and one in the warehouse that nobody knows. */
  async trouble(): Promise<string> {
    const content = String(process.hrtime.bigint());
    writeFileSync(join(this.folder, 'in', LARGE), content.padEnd(200));
    writeFileSync(join(this.folder, 'wh/my day', `nobody's ${content}.csv`), content);
    const once = await this.run('ingest', [...FLAGS, '--once', '--max-bytes', '100', '--stability-seconds', '0']);
    assert.equal(once.code, 4, once.stderr);
    return `${once.stderr.replace(/^\{.*\n/gm, '')}\n${textsIn(once.events)}`;
  }

  /** Runs each of them as it stands. `from`: where the reader is. */
  paste(commands: Iterable<string>, { from = this.folder, path = true, env = {} as NodeJS.ProcessEnv } = {}): void {
    for (const command of [...new Set(commands)].sort(readingFirst)) {
      const bin = path ? `${join(PACKAGE, 'bin')}:` : '';
      const all = { HOME: this.world.root, PATH: `${bin}${process.env.PATH}`, ...env };
      const { status, stdout, stderr } = spawnSync('sh', ['-c', command], { cwd: from, env: all, encoding: 'utf8' });
      const isDone = status === 0 || (status === 4 && !/options|is not one|needs/.test(stderr));
      assert.ok(isDone, `${command}\nended with ${status}\n${stdout}${stderr}`);
    }
  }
}

/** Commands that only show something come before those that change something; retry before discard. */
const readingFirst = (a: string, b: string): number => rank(a) - rank(b) || (a < b ? -1 : 1);
const rank = (command: string): number =>
  ['discard', 'retry'].findIndex((verb) => command.includes(`ingest-ctl ${verb}`)) < 0
    ? 0
    : command.includes('ingest-ctl retry')
      ? 1
      : 2;

/** The commands in a text that need no word from the reader: those are in capitals. */
function commandsIn(text: string): string[] {
  const all = [...text.matchAll(/`((?:sudo -u \S+ )?(?:\S*\/)?(?:ingest-ctl|queue-stat)[^`]*)`/g)];
  return all
    .map(([, command]) => command!)
    .filter((command) => !/ (PATH|FILE|DIR|NAME|WHY|JOBID|FEED|SHA256)\b/.test(command));
}

/** Texts that are said to a person, at any depth of a document. */
const textsIn = (document: unknown): string =>
  typeof document === 'string'
    ? document
    : typeof document === 'object' && document !== null
      ? Object.values(document).map(textsIn).join('\n')
      : '';

/** One document, or one a line. */
const documents = (json: string): unknown =>
  json.startsWith('{\n')
    ? JSON.parse(json)
    : json
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line));

test('each command that is printed runs as it stands, however the reader has named the state', async (t) => {
  const place = new Place(t);
  for (const { args, env = {} } of SPELLINGS) {
    const texts = [await place.trouble()];
    const told = async (command: string, ...words: string[]) => {
      const { stdout, stderr } = await place.run(command, [...words, ...args], { env });
      texts.push(words.includes('--json') ? textsIn(documents(stdout)) : stdout + stderr);
    };
    await told('ingest-ctl', 'pause', 'hash');
    for (const words of [[], ['--json'], ['--check'], ['--max-held', '0']]) await told('queue-stat', ...words);
    for (const words of [['held'], ['held', '--all'], ['explain', LARGE], ['audit'], ['audit', '--json']])
      await told('ingest-ctl', ...words);
    const commands = texts.flatMap(commandsIn);
    for (const verb of ['retry', 'discard', 'resume', 'learn', 'held'])
      assert.ok(
        commands.some((one) => one.includes(`ingest-ctl ${verb}`)),
        `${verb} in\n${texts.join('\n')}`,
      );
    place.paste(commands);
    assert.equal(
      (await place.run('ingest-ctl', ['held', ...args], { env })).stdout,
      'nothing is held\n',
      'it was discarded',
    );
  }
});

test('a lost state is made again by the command that its error names', async (t) => {
  const place = new Place(t);
  await place.trouble();
  for (const args of [FLAGS, ['--config', CONFIG]]) {
    rmSync(join(place.folder, 'st'), { recursive: true });
    mkdirSync(join(place.folder, 'st'));
    const refused = await place.run('ingest', [...args, '--once']);
    assert.equal(refused.code, 3, refused.stderr);
    const [command = ''] = commandsIn(refused.stderr);
    assert.match(command, /^ingest-ctl rebuild /);
    place.paste([command]);
    assert.ok(existsSync(join(place.folder, 'st/my state.db')));
  }
});

test('page and alarms are read from anywhere: their commands run from another folder, without a program on the PATH', async (t) => {
  const place = new Place(t);
  const [told, script] = [join(place.world.root, 'told.json'), join(place.world.root, 'tell')];
  writeFileSync(script, `#!/bin/sh\ncat >> ${told}\n`);
  chmodSync(script, 0o755);
  await place.trouble();
  const port = await freePort();
  const env = { PATH: process.env.PATH };
  const service = place.world.launch(
    'ingest',
    ['--config', CONFIG, '--dashboard', String(port), '--notify-command', script],
    { cwd: place.folder, env },
  );
  await until('an alarm of the held file', () => existsSync(told) && /too_large/.test(readFileSync(told, 'utf8')));
  const answers = await Promise.all(
    ['stats', 'errors', 'held', `files?path=${encodeURIComponent(LARGE)}`].map(async (path) =>
      (await fetch(`http://127.0.0.1:${port}/${path}`)).json(),
    ),
  );
  await service.stop();
  const alarms = documents(readFileSync(told, 'utf8'));
  for (const text of [...answers.slice(0, 3), alarms].map(textsIn)) {
    const commands = commandsIn(text);
    assert.ok(
      commands.some((one) => one.includes('bin/ingest-ctl retry')),
      text,
    );
    place.paste(commands, { from: '/', path: false });
    // The next one speaks of the same file.
    if (text !== textsIn(alarms)) await place.trouble();
  }
});

test('a chain is tried by the command that is printed, with the configuration of the reader or of the system', async (t) => {
  if (skipUnlessRoot(t, 'the configuration in /etc')) return;
  const world = createWorld(t, { feeds: { orders: { options: { stabilitySeconds: 0, quietMs: 0 } }, plain: {} } });
  const module = join(world.root, 'orders.mjs');
  writeFileSync(module, 'export default () => ({ route() { throw new Error("no such thing"); } });\n');
  changeChain(world, 'orders', { format: 'csv', start: 'route', module });
  const { sha256 } = world.drop('a.csv', 'id\n1\n', { feed: 'orders' });
  world.held.add(sha256);
  await world.runOnce([], { code: 4 });
  const etc = join(world.root, 'etc');
  mkdirSync(join(etc, 'atomic-ingestor'), { recursive: true });
  const state = { 'state-path': world.statePath };
  const config = { ...JSON.parse(readFileSync(world.configPath, 'utf8')), ...state };
  writeFileSync(join(etc, 'atomic-ingestor/config.yaml'), JSON.stringify(config));
  // Only the commands see this folder as /etc.
  const env = { HOME: world.root, PATH: `${join(PACKAGE, 'bin')}:${process.env.PATH}` };
  const run = (command: string) =>
    spawnSync('unshare', ['-m', 'sh', '-c', 'mount --bind "$0" /etc && eval "$1"', etc, command], {
      env,
      encoding: 'utf8',
    });
  const file = join(world.root, 'a.csv');
  writeFileSync(file, 'id\n1\n');
  const ofState = `--state-path ${world.statePath}`;
  const ofReader = `${ofState} --config ${world.configPath}`;
  for (const [command, added] of [
    ['ingest-ctl held --all', ''],
    [`ingest-ctl held --all ${ofReader}`, ` ${ofReader}`],
    [`ingest-ctl held --all ${ofState}`, ` ${ofState}`],
    ['queue-stat', ''],
    [`queue-stat ${ofReader}`, ` ${ofReader}`],
    [`queue-stat ${ofState}`, ` ${ofState}`],
  ] as const) {
    const printed = run(command).stdout.replace(/\s+/g, ' ');
    const [, tries] = /`(ingest-ctl process [^`]+)`/.exec(printed) ?? [];
    assert.equal(tries, `ingest-ctl process FILE --feed orders${added}`, printed);
    const tried = run(tries!.replace('FILE', file));
    assert.equal(tried.status, 4, tried.stderr);
    assert.match(tried.stdout, /^held: process_failed: .*no such thing/);
  }
});

test('where the state belongs to another user, the command is run as that user', async (t) => {
  const what = 'commands for the state of another user';
  if (skipUnlessRoot(t, what) || skipUnlessInstalled(t, 'sudo', what)) return;
  if (skipUnlessReachable(t, ordinaryUser, what)) return;
  const place = new Place(t, { isOfOrdinary: true });
  await place.trouble();
  const held = await place.run('ingest-ctl', ['held', '--all', '--state-path', 'st/my state.db'], {
    user: { uid: 0, gid: 0 },
  });
  const commands = commandsIn(held.stdout);
  assert.equal(commands.length, 2, held.stdout);
  for (const command of commands) assert.match(command, /^sudo -u nobody \S+\/bin\/ingest-ctl /);
  place.paste(commands);
});

test('any name is one word for sh, and can be shown in one line', () => {
  const names = [
    'plain.csv',
    'two words',
    "it's",
    '"$(id)"',
    '`id`',
    '\\',
    'a|b',
    'é',
    'line\nbreak',
    '\u001b[2J',
    '-x',
    '$HOME',
  ];
  for (const name of [...names.map((text) => Buffer.from(text)), Buffer.from([0x61, 0xff, 0xfe, 0x27])]) {
    const word = quoted(name);
    assert.match(word, /^[^\p{Cc}|\ufffd]+$/u);
    const { stdout } = spawnSync('sh', ['-c', `printf %s ${word}`]);
    assert.deepEqual(stdout, name, word);
  }
});

test('a command that is complete stays so; one between other backticks is found', () => {
  const shell = { ...PLAIN_SHELL, options: [['state-path', ["--state-path 's db'"]]] as [string, string[]][] };
  const once = pasteable(`a\`b: run ${typed('ingest-ctl learn', "it's")} again, or \`queue-stat\`.`, shell);
  assert.equal(
    once,
    "a`b: run `ingest-ctl learn 'it'\\''s' --state-path 's db'` again, or `queue-stat --state-path 's db'`.",
  );
  assert.equal(pasteable(once, shell), once);
  assert.deepEqual(pasteable({ path: '`queue-stat`', release: '`queue-stat`' }, shell), {
    path: '`queue-stat`',
    release: "`queue-stat --state-path 's db'`",
  });
});
