/**
 * Merges flags over environment over file over defaults, and checks every value by the schema.
 * Guarantees: the refusal of a wrong value says where it stands, the rule, the value and an example.
 * Does not: check directories (directories.ts) or choose the state (state-path.ts).
 */
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { OperatorError } from '../errors.js';
import { type CommandLine, readCommandLine, readEnvironment, variableOf } from './command-line.js';
import { COMMANDS, type CommandName, type CommandSpec } from './commands.js';
import { type ConfigFile, readConfigFile } from './file.js';
import {
  allFields,
  commonFields,
  type FeedValues,
  feedFields,
  type MirrorValues,
  mirrorFields,
  type ServiceValues,
  serviceFields,
  type ViewValues,
  viewFields,
} from './schema.js';

export type Invocation = ReturnType<typeof readInvocation>;

/** An option as it was written, a switch as it was read. */
export interface Given {
  option: string;
  value: boolean | string[];
}

interface Sources {
  flags: Map<string, unknown>;
  environment: Map<string, unknown>;
  file: ConfigFile | undefined;
}

const ASKED_ONLY = ['help', 'help-all', 'version'];

export function readInvocation(command: CommandName, argv: readonly string[], env: NodeJS.ProcessEnv) {
  const spec: CommandSpec = COMMANDS[command];
  const line = readCommandLine(spec, asksByWord(spec, argv) ? ['--help'] : argv);
  const asksFor = (name: string) => line.flags.get(name) === true;
  const asked = ASKED_ONLY.some(asksFor);
  const sources = asked ? { flags: line.flags, environment: new Map(), file: undefined } : readSources(spec, line, env);
  const top = (option: string) => lookUp(sources, option, undefined);
  return {
    command,
    spec,
    words: line.words,
    /** `short`: one screen. */
    help: asksFor('help-all') ? ('all' as const) : asksFor('help') ? ('short' as const) : undefined,
    version: asksFor('version'),
    service: checked(Object.keys(serviceFields), top) as ServiceValues,
    view: checked(Object.keys(viewFields), top) as ViewValues,
    mirror: checked(Object.keys(mirrorFields), top) as MirrorValues,
    /** One for each feed; one named `default` where flags alone make it. Folders may still be missing here. */
    feeds: feedsOf(spec, sources),
    /** The names of the feeds in the configuration file. */
    feedsOfFile: [...(sources.file?.feeds.keys() ?? [])],
    /** The path of the configuration file; undefined where there is none. */
    file: sources.file?.path,
    /** Options that the caller gave by a flag or by a variable. */
    given: givenBy(sources),
    /** The source of an option's value, for sentences: `--input`, `INGEST_INPUT`, `feeds.a.input in FILE`. */
    origin: (option: string, feed?: string): string => lookUp(sources, option, feed)?.origin ?? `--${option}`,
  };
}

/** `ingest help`. A command that takes one word may mean a file of this name. */
const asksByWord = ({ wordsMax }: CommandSpec, argv: readonly string[]): boolean =>
  argv[0] === 'help' && argv.length === 1 && wordsMax !== 1;

/** The configuration of the installed service, whose state or chain is meant where no option names one. */
const SYSTEM_CONFIG = '/etc/atomic-ingestor/config.yaml';
const OF_STATE = ['config', 'state-path', 'input'];
/** The options that name what a command is about, by an option that it has: the first that it has says it. */
const NAMES = { warehouse: OF_STATE, process: [...OF_STATE, 'process'], 'state-path': OF_STATE };

function readSources(spec: CommandSpec, line: CommandLine, env: NodeJS.ProcessEnv): Sources {
  const environment = readEnvironment(env);
  const [, names] = Object.entries(NAMES).find(([about]) => spec.options.includes(about)) ?? [];
  const isNamed = (option: string): boolean => line.flags.has(option) || environment.has(option);
  const isOfSystem = names !== undefined && !names.some(isNamed) && existsSync(SYSTEM_CONFIG);
  const config = isOfSystem ? SYSTEM_CONFIG : (line.flags.get('config') ?? environment.get('config'));
  checked(Object.keys(commonFields), (option) =>
    option === 'config' && config !== undefined ? { value: config, origin: '--config' } : undefined,
  );
  return { flags: line.flags, environment, file: config === undefined ? undefined : readConfigFile(String(config)) };
}

interface Found {
  value: unknown;
  origin: string;
}

function lookUp({ flags, environment, file }: Sources, option: string, feed: string | undefined): Found | undefined {
  if (flags.has(option)) return { value: flags.get(option), origin: `--${option}` };
  if (environment.has(option)) return { value: environment.get(option), origin: variableOf(option) };
  if (file === undefined) return undefined;
  const own = feed === undefined ? undefined : file.feeds.get(feed);
  const inFile = (value: unknown) => (allFields[option]!.meta.isPath ? pathIn(file, value) : value);
  if (own?.has(option)) return { value: inFile(own.get(option)), origin: `feeds.${feed}.${option} in ${file.path}` };
  if (file.top.has(option)) return { value: inFile(file.top.get(option)), origin: `${option} in ${file.path}` };
  return undefined;
}

/** A path that stands in a file is relative to its folder, wherever the command is called. */
const pathIn = ({ path }: ConfigFile, value: unknown): unknown =>
  typeof value === 'string' && value !== '' ? resolve(dirname(path), value) : value;

function givenBy({ flags, environment }: Sources): Given[] {
  return [...new Map([...environment, ...flags])].map(([option, raw]) => {
    const field = allFields[option]!;
    const { kind } = field.meta;
    const parsed = kind === 'list' || kind === 'switch' ? field.safeParse(raw) : undefined;
    return { option, value: parsed?.success ? (parsed.data as Given['value']) : [String(raw)] };
  });
}

/** These name folders of one feed: given once for several feeds, they would be shared by all. */
const OF_ONE_FEED = ['input', 'warehouse', 'manifests', 'work-dir'];

function feedsOf(spec: CommandSpec, sources: Sources) {
  const named = [...(sources.file?.feeds.keys() ?? [])];
  const names = named.length > 0 ? named : [undefined];
  if (named.length > 1 && spec.options.includes('warehouse')) {
    for (const option of OF_ONE_FEED) refuseForMany(sources, option, named);
  }
  return names.map((name) => ({
    name: name ?? 'default',
    values: checked(Object.keys(feedFields), (option) => lookUp(sources, option, name)) as FeedValues,
  }));
}

function refuseForMany(sources: Sources, option: string, feeds: string[]): void {
  const given = lookUp({ ...sources, file: undefined }, option, undefined);
  const shared = given === undefined && option === 'input' && sources.file?.top.has(option);
  if (given === undefined && !shared) return;
  throw new OperatorError(
    'folder_for_many_feeds',
    `${given?.origin ?? `${option} in ${sources.file!.path}`} names a folder of one feed, but ${sources.file!.path} has the feeds ${feeds.join(', ')}; set it under feeds.NAME instead.`,
  );
}

function checked(names: readonly string[], given: (option: string) => Found | undefined): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, checkedValue(name, given(name))]));
}

function checkedValue(option: string, given: Found | undefined): unknown {
  const field = allFields[option]!;
  // A list of several workers may be written as a map in YAML.
  const value = option === 'workers' ? workersText(given?.value) : given?.value;
  const parsed = field.safeParse(value);
  if (parsed.success) return parsed.data;
  const { rule, example, isSecret } = field.meta;
  const got =
    given?.value === '' || given === undefined ? 'nothing' : isSecret ? 'something else' : JSON.stringify(given.value);
  throw new OperatorError(
    'bad_value',
    `${given?.origin ?? `--${option}`} must be ${rule}, but got ${got}; write for example ${example}.`,
  );
}

function workersText(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.entries(value)
    .map(([stage, count]) => `${stage}=${count}`)
    .join(',');
}
