/**
 * Runs a program of dist/program (`launch.cjs HANGUP NAME ARGUMENT…`), or prints what the installation lacks: a native module, or
 * the build. HANGUP is `ignored` or `default` (inherited.sh): a SIGHUP that was ignored at the start stays ignored. Node keeps what it compiles in dist/cache (or $NODE_COMPILE_CACHE) for the next start, where this user may write.
 */
const { existsSync } = require('node:fs');
const { enableCompileCache } = require('node:module');
const { constants } = require('node:os');
const { join } = require('node:path');

const NATIVE = {
  koffi: {
    load: () => require('koffi'),
    hint: 'its binary comes as an optional package, so run npm ci (or npm install) again without --omit=optional',
  },
  'better-sqlite3': {
    load: () => new (require('better-sqlite3'))(':memory:').close(),
    hint: 'its binaries come with it, for x64 and arm64, so run npm ci (or npm install) again',
  },
};

enableCompileCache(join(__dirname, '../dist/cache'));
const [hangup, name] = process.argv.splice(2, 2);
const program = join(__dirname, '../dist/program', `${name}.cjs`);
const lack = whatLacks();
if (lack === undefined) {
  if (hangup === 'ignored') ignoreHangup();
  require(program);
} else {
  process.stderr.write(`${name === 'start' ? 'npm start' : name}: ${lack}\n`);
  process.exitCode = 3;
}

function whatLacks() {
  if (!existsSync(program)) return 'the program is not built yet; run npm ci in the folder of the package first.';
  for (const [module, { load, hint }] of Object.entries(NATIVE)) {
    try {
      load();
    } catch (error) {
      const [why] = String(error.message).split('\n');
      return `the native module ${module} cannot be loaded by Node ${process.version} (${why}): ${hint}.`;
    }
  }
  return undefined;
}

/** Source: signal(2). */
function ignoreHangup() {
  const SIG_IGN = 1;
  const signal = require('koffi').load(null).func('intptr_t signal(int number, intptr_t handler)');
  signal(constants.signals.SIGHUP, SIG_IGN);
}
