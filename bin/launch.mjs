/**
 * Starts a command of dist/, or says what the installation lacks: a native module, or the build. All else is in
 * src/commands.
 */
const NATIVE = {
  koffi: {
    load: () => import('koffi'),
    hint: 'its binary comes as an optional package, so run npm ci again without --omit=optional',
  },
  'better-sqlite3': {
    load: async () => new (await import('better-sqlite3')).default(':memory:').close(),
    hint: 'run npm ci again with this Node; where no prebuilt binary can be reached it compiles, which takes g++, make and python3 (Debian: apt-get install g++ make python3)',
  },
};

export async function launch(name, module, entry) {
  const lack = await whatLacks();
  if (lack !== undefined) return refuse(name, lack);
  let commands;
  let console;
  try {
    [commands, console] = await Promise.all([
      import(`../dist/src/commands/${module}.js`),
      import('../dist/src/commands/console.js'),
    ]);
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND' || !String(error.message).includes('/dist/')) throw error;
    return refuse(name, 'the program is not built yet; run npm ci in the folder of the package first.');
  }
  await console.runCommand(name, () => commands[entry](process.argv.slice(2)));
}

async function whatLacks() {
  for (const [module, { load, hint }] of Object.entries(NATIVE)) {
    try {
      await load();
    } catch (error) {
      const [why] = String(error.message).split('\n');
      return `the native module ${module} cannot be loaded by Node ${process.version} (${why}): ${hint}; the README's first minute says more.`;
    }
  }
  return undefined;
}

function refuse(name, sentence) {
  process.stderr.write(`${name}: ${sentence}\n`);
  process.exitCode = 3;
}
