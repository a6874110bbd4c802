/**
 * Lays the files of the Debian package below a folder: `node ops/deb/tree.mjs FOLDER [--docs]`.
 * The program with the packages that it needs and its own Node is in /usr/lib/atomic-ingestor; /usr/bin has links to the commands.
 * The units, the user, the folders and the configuration are where systemd and dpkg expect them.
 * `--docs` adds /usr/share: the documents (with their links to each other), man pages and completions.
 * Needs a build (`npm run build`). Does not change what is there: the folder must not contain the program yet.
 */
import { chmodSync, copyFileSync, cpSync, existsSync, globSync, lstatSync, mkdirSync, symlinkSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { json, nameAt, PACKAGE, packagesThatRun } from '../artefacts/lock.mjs';

const PROGRAM = 'usr/lib/atomic-ingestor';
const PUBLISHED = ['package.json', 'dist/src', 'dist/queue', 'dist/program', 'src/service/dashboard/page'];
const PAGES = ['*.md', 'LICENSE', 'docs/**/*.{md,yaml,png,svg,py}', 'queue/README.md', 'ops/{config.yaml,runbook.md}'];
const EXAMPLES = ['ops/{compose,docker,examples,grafana,prometheus,systemd}/*'];

/** The files of a package that a program loads, and its licence. Not: types, maps, C sources, demonstration pages, scripts. */
const LOADED = /(\.(js|cjs|mjs|json|node)|\/uPlot\.min\.css|\/[^/]*(licen[sc]e|copying|notice|readme)[^/]*)$/i;
/** Not loaded at run time: hidden files, commands, tests, headers, binaries for another C library, tools of development. */
const UNUSED =
  /\/(\.[^/]+|(bin|cli|cnoke)(\.[cm]?js)?|tests?|benchmarks?|integration|scripts|musl_[^/]+|node-addon-api|better-sqlite3\/(deps|src)|koffi\/(vendor|doc|lib)|trampolines\.cjs)$/;
const OWN_PREBUILD = `linux-${process.arch}.node`;

const [root, ...options] = process.argv.slice(2);
const program = join(root, PROGRAM);
if (existsSync(program)) fail(`${program} must not be there yet`, 'remove it, or name an empty folder');
if (!existsSync(join(PACKAGE, 'dist/program'))) fail(`${PACKAGE}dist is not built`, 'run npm run build');
const runtime = join(PACKAGE, `node_modules/node-linux-${process.arch}/bin/node`);
if (!existsSync(runtime)) fail(`${runtime} is missing`, 'run npm ci without --omit=optional');

for (const path of globSync(PUBLISHED, { cwd: PACKAGE })) copy(path, join(PROGRAM, path));
for (const path of modules()) copy(path, join(PROGRAM, path));
for (const name of ['child.cjs', 'inherited.sh', 'launch.cjs', 'package.json'])
  copy(`bin/${name}`, join(PROGRAM, 'bin', name));
copy('ops/deb/find-node.sh', join(PROGRAM, 'bin/find-node.sh'));
place(runtime, join(PROGRAM, 'bin/node'), 0o755);
for (const [name, path] of Object.entries(json('package.json').bin)) {
  place(join(PACKAGE, path), join(PROGRAM, 'bin', name), 0o755);
  link(join('usr/bin', name), join(PROGRAM, 'bin', name));
}
for (const unit of globSync('ops/systemd/*.service', { cwd: PACKAGE })) {
  const installed = join('usr/lib/systemd/system', basename(unit));
  copy(unit, installed);
  copy('ops/systemd/00-common.conf', `${installed}.d/00-common.conf`);
}
copy('ops/systemd/atomic-ingestor.sysusers.conf', 'usr/lib/sysusers.d/atomic-ingestor.conf');
copy('ops/systemd/atomic-ingestor.tmpfiles.conf', 'usr/lib/tmpfiles.d/atomic-ingestor.conf');
copy('ops/systemd/example-feed.conf', join(PROGRAM, 'example-feed.conf'));
copy('ops/config.yaml', 'etc/atomic-ingestor/config.yaml');
if (options.includes('--docs')) documents();

/** The packages of this machine's architecture, without the runtimes. A package below another package comes with it. */
function modules() {
  const isOwn = ([path, { cpu }]) => path === `node_modules/${nameAt(path)}` && (cpu?.includes(process.arch) ?? true);
  return [...packagesThatRun().bundled].filter(isOwn).map(([path]) => path);
}

function documents() {
  for (const path of globSync([...PAGES, ...EXAMPLES], { cwd: PACKAGE }))
    copy(path, join('usr/share/doc/atomic-ingestor', path));
  const built = (pattern) => globSync(pattern, { cwd: PACKAGE });
  for (const page of built('dist/man/*.[1-8]')) copy(page, `usr/share/man/man${page.at(-1)}/${basename(page)}`);
  const completions = {
    bash: 'bash-completion/completions',
    zsh: 'zsh/vendor-completions',
    fish: 'fish/vendor_completions.d',
  };
  for (const [shell, folder] of Object.entries(completions))
    for (const file of built(`dist/completions/${shell}/*`)) copy(file, join('usr/share', folder, basename(file)));
}

/** Copies a file or a folder of this package. A link is copied as a link. */
function copy(from, to) {
  cpSync(PACKAGE + from, join(root, to), {
    recursive: true,
    filter: from.startsWith('node_modules/') ? isLoaded : isBuilt,
  });
}

function isBuilt(path) {
  return !/\.(map|d\.ts|tsbuildinfo)$/.test(path);
}

function isLoaded(path) {
  const below = `/${relative(PACKAGE, path)}`;
  if (UNUSED.test(below)) return false;
  if (!lstatSync(path).isFile()) return true;
  return LOADED.test(below) && (!below.includes('/prebuilds/') || below.endsWith(OWN_PREBUILD));
}

function place(from, to, mode) {
  mkdirSync(dirname(join(root, to)), { recursive: true });
  copyFileSync(from, join(root, to));
  chmodSync(join(root, to), mode);
}

function link(at, target) {
  mkdirSync(dirname(join(root, at)), { recursive: true });
  symlinkSync(relative(dirname(at), target), join(root, at));
}

function fail(what, next) {
  process.stderr.write(`ops/deb/tree.mjs: ${what}; ${next}.\n`);
  process.exit(3);
}
