/**
 * The steps of a Dockerfile, run one by one in bare directory trees: each stage has a root of its own, to which every absolute
 * path of its steps is mapped. No container engine is needed, and none of what one adds is shown: the base image, its layers,
 * its isolation.
 * Node and npm are those of this machine. Users are made in the root's own /etc/passwd.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { PACKAGE } from '../world/program.js';

export interface Instruction {
  name: string;
  args: string;
}

/** Comments left out, continued lines joined. */
export function instructionsOf(text: string): Instruction[] {
  return text
    .replace(/^#.*\n/gm, '')
    .replace(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name, args] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
      assert.ok(name && args, line);
      return { name, args };
    });
}

export interface Image {
  root: string;
  env: Record<string, string>;
  user: string;
  volumes: string[];
  stopSignal: string;
  healthcheck: string[];
  cmd: string[];
}

/** A path of the image, or a word with one in it, below a root. */
export const below = (root: string, text: string): string =>
  text.replace(/(?<![\w.\-/])\/(?=(?:build|opt|srv|etc|var\/lib|nonexistent)\b)/g, `${root}/`);

/** `context`: the folder that the build is given. Returns the last stage. */
export function runSteps(text: string, ground: string, context: string): Image {
  const stages = new Map<string, string>();
  let image!: Image;
  let workdir = '/';
  for (const { name, args } of instructionsOf(text)) {
    if (name === 'FROM') {
      const as = / AS (\w+)$/.exec(args)?.[1] ?? 'last';
      image = {
        root: bareRoot(join(ground, as)),
        env: {},
        user: '',
        volumes: [],
        stopSignal: '',
        healthcheck: [],
        cmd: [],
      };
      stages.set(as, image.root);
      workdir = '/';
    } else if (name === 'WORKDIR') {
      workdir = args;
      mkdirSync(join(image.root, args), { recursive: true });
    } else if (name === 'COPY')
      copy(args, image.root, workdir, stages.get(/^--from=(\w+)/.exec(args)?.[1] ?? '') ?? context);
    else if (name === 'RUN') run(args, image.root, workdir);
    else note(image, name, args);
  }
  return image;
}

function bareRoot(root: string): string {
  mkdirSync(join(root, 'etc'), { recursive: true });
  for (const [file, line] of Object.entries({ passwd: 'root:x:0:0::/root:/bin/sh', group: 'root:x:0:' }))
    writeFileSync(join(root, 'etc', file), `${line}\n`);
  return root;
}

function copy(args: string, root: string, workdir: string, from: string): void {
  const words = args.split(/\s+/).filter((word) => !word.startsWith('--from='));
  const to = words.pop()!;
  const target = join(root, to.startsWith('/') ? to : join(workdir, to));
  for (const source of words) {
    // A folder gives what it contains.
    const isFolder = statSync(join(from, source)).isDirectory();
    const into = !isFolder && (words.length > 1 || to.endsWith('/')) ? join(target, basename(source)) : target;
    mkdirSync(dirname(into), { recursive: true });
    execFileSync('cp', ['-aT', join(from, source), into]);
  }
}

function run(command: string, root: string, workdir: string): void {
  const shims = `
    groupadd() { command groupadd --prefix '${root}' "$@"; }
    useradd() { command useradd --prefix '${root}' "$@"; }`;
  const script = `${shims}\n${below(root, command)}`;
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
  const { status, stdout, stderr } = spawnSync('bash', ['-euc', script], {
    ...{ cwd: join(root, workdir), env, encoding: 'utf8' },
  });
  assert.equal(status, 0, `RUN ${command}\n${stdout}${stderr}`);
}

function note(image: Image, name: string, args: string): void {
  const list = () => JSON.parse(args.slice(args.indexOf('['))) as string[];
  if (name === 'ENV') for (const [, key, value] of args.matchAll(/(\w+)=(\S+)/g)) image.env[key!] = value!;
  else if (name === 'USER') image.user = args;
  else if (name === 'VOLUME') image.volumes = list();
  else if (name === 'STOPSIGNAL') image.stopSignal = args;
  else if (name === 'HEALTHCHECK') image.healthcheck = list();
  else if (name === 'CMD') image.cmd = list();
  else assert.fail(`${name} is not run by this test`);
}

/** The files that the build gets beside the Dockerfile. */
export const contextOf = (ignore: string): string[] => [...ignore.matchAll(/^!(.*)$/gm)].map(([, path]) => path!);

export const dockerFile = (name: string): string => readFileSync(join(PACKAGE, 'ops/docker', name), 'utf8');
