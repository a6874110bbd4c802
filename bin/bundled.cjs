/**
 * Starts a command out of the one file that ops/bundle.mjs makes of it, with V8's code cache: a command that is answered
 * at once takes as long as its modules take to load. Where that file or a native module cannot be loaded, launch.mjs
 * starts the command from its modules, or says what is missing.
 */
const { readFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { join } = require('node:path');
const { Script } = require('node:vm');

/** The compiled file of a command, not run yet. */
function compiled(module) {
  const filename = join(__dirname, '../dist/src/commands', `${module}.cjs`);
  const source = readFileSync(filename, 'latin1'); // outside comments it is ASCII: half the memory, and quicker
  const script = new Script(`(function (require, module, __filename) {${source}\n})`, {
    filename,
    cachedData: readOr(`${filename}.cache`),
  });
  return { script, filename };
}

/** A code cache that is not there, or of another Node (V8 looks at that itself), makes the start slower and no more. */
function readOr(path, otherwise) {
  try {
    return readFileSync(path);
  } catch {
    return otherwise;
  }
}

function load({ script, filename }) {
  const module = { exports: {} };
  script.runInThisContext()(createRequire(filename), module, filename);
  return module.exports;
}

function launch(name, module, entry) {
  let commands;
  try {
    commands = load(compiled(module));
    new (require('better-sqlite3'))(':memory:').close(); // its binary is loaded by the first database
  } catch {
    return import('./launch.mjs').then((modules) => modules.launch(name, module, entry));
  }
  return commands.runCommand(name, () => commands[entry](process.argv.slice(2)));
}

module.exports = { compiled, load, launch };
