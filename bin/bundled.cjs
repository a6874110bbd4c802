/**
 * Starts a command, or a process that a parent spawns, out of the one file that ops/bundle.mjs makes of the program, with
 * V8's code cache: two hundred modules take several times as long to load. Where that file or a native module cannot be
 * loaded, launch.mjs starts the modules, or says what is missing; so does a start with module hooks (`node --import`),
 * which mean the modules.
 */
const { readFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { join } = require('node:path');
const { Script } = require('node:vm');

const PROGRAM = join(__dirname, '../dist/program.cjs');
const HOOKS = /--(import|loader|experimental-loader)\b/;

/** The compiled program, not run yet. Its code cache holds what one command, or one role of a child, compiles. */
function compiled(use) {
  const source = readFileSync(PROGRAM, 'latin1'); // outside comments it is ASCII: half the memory, and quicker
  return new Script(`(function (require, module, __filename) {${source}\n})`, {
    filename: PROGRAM,
    cachedData: readOr(`${PROGRAM}.${use}`),
  });
}

/** A code cache that is not there, or of another Node (V8 looks at that itself), makes the start slower and no more. */
function readOr(path, otherwise) {
  try {
    return readFileSync(path);
  } catch {
    return otherwise;
  }
}

function load(script) {
  const module = { exports: {} };
  script.runInThisContext()(createRequire(PROGRAM), module, PROGRAM);
  return module.exports;
}

async function launch(name, module, entry) {
  const program = await loaded(module, `commands/${module}`, () => {
    new (require('better-sqlite3'))(':memory:').close(); // its binary is loaded by the first database
  });
  if (program === undefined) return (await import('./launch.mjs')).launch(name, module, entry);
  return program.runCommand(name, () => program.module[entry](process.argv.slice(2)));
}

/** `role` is its code cache; which role it takes its parent says. */
async function launchChild(role) {
  if ((await loaded(role, 'supervise/child')) === undefined) await import('../dist/src/supervise/child.js');
}

async function loaded(use, name, check = () => {}) {
  if (HOOKS.test([process.env.NODE_OPTIONS, ...process.execArgv].join(' '))) return undefined;
  try {
    const { runCommand, modules } = load(compiled(use));
    const module = await modules[name]();
    check();
    return { runCommand, module };
  } catch {
    return undefined;
  }
}

module.exports = { PROGRAM, compiled, load, launch, launchChild };
