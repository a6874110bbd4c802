/**
 * Starts a command, or a process that a parent spawns, out of the one file that ops/bundle.mjs makes of it, with V8's code
 * cache: two hundred modules take several times as long to load. Where that file or a native module cannot be loaded,
 * launch.mjs starts the modules, or says what is missing; so does a start with module hooks (`node --import`), which mean
 * the modules.
 */
const { readFileSync } = require('node:fs');
const { createRequire, isBuiltin } = require('node:module');
const { join } = require('node:path');
const { Script } = require('node:vm');

const PROGRAMS = join(__dirname, '../dist/program');
const HOOKS = /--(import|loader|experimental-loader)\b/;

/** A program, not run yet. `use`: the code cache holds what one command, or one role of a child, compiles. */
function compiled(program, use = program) {
  const filename = join(PROGRAMS, `${program}.cjs`);
  const source = readFileSync(filename, 'latin1'); // outside comments it is ASCII: half the memory, and quicker
  return new Script(`(function (require, module, __filename) {${source}\n})`, {
    filename,
    cachedData: readOr(cachePath(use)),
  });
}

const cachePath = (use) => join(PROGRAMS, `${use}.cache`);

/** A code cache that is not there, or of another Node (V8 looks at that itself), makes the start slower and no more. */
function readOr(path, otherwise) {
  try {
    return readFileSync(path);
  } catch {
    return otherwise;
  }
}

function load(program, script, require = createRequire(PROGRAMS)) {
  const module = { exports: {} };
  script.runInThisContext()(require, module, join(PROGRAMS, `${program}.cjs`));
  return module.exports;
}

/**
 * The `require` of a command: a module of Node's own is loaded by the first use of one of its exports. Some take 3 ms, and few
 * commands come to use them all. `process` is there anyway, and its methods change it: they want itself.
 */
function requireLater() {
  const require = createRequire(PROGRAMS);
  const isProcess = (name) => /^(node:)?process$/.test(name);
  return (name) => (isBuiltin(name) && !isProcess(name) ? later(() => require(name)) : require(name));
}

function later(load) {
  let module;
  const loaded = () => {
    module ??= load();
    return module;
  };
  const proxy = new Proxy(() => {}, {
    get: (_, name) => loaded()[name],
    apply: (_, self, values) => Reflect.apply(loaded(), self, values),
    // Where the default export is imported, esbuild makes an object with that one, a copy of each other, and this prototype.
    ownKeys: () => [],
    getPrototypeOf: () => proxy,
  });
  return proxy;
}

async function launch(name, module, entry) {
  const program = loadedOrNone(module, module, requireLater());
  if (program === undefined) return (await import('./launch.mjs')).launch(name, module, entry);
  return program.runCommand(name, () => program[entry](process.argv.slice(2)));
}

/** `role` is its code cache; which role it takes its parent says. */
async function launchChild(role) {
  const program = loadedOrNone('child', role);
  await (program === undefined ? import('../dist/src/supervise/child.js') : program.start());
}

function loadedOrNone(program, use, require) {
  if (HOOKS.test([process.env.NODE_OPTIONS, ...process.execArgv].join(' '))) return undefined;
  try {
    return load(program, compiled(program, use), require);
  } catch {
    return undefined;
  }
}

module.exports = { cachePath, compiled, load, launch, launchChild, requireLater };
