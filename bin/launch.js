/** Starts a command of dist/, or says that it was not built. All else is in src/commands. */
export async function launch(name, module, entry) {
  let commands;
  let console;
  try {
    [commands, console] = await Promise.all([
      import(`../dist/src/commands/${module}.js`),
      import('../dist/src/commands/console.js'),
    ]);
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND' || !String(error.message).includes('/dist/')) throw error;
    process.stderr.write(`${name}: the program is not built yet; run npm ci in the folder of the package first.\n`);
    process.exitCode = 3;
    return;
  }
  await console.runCommand(name, () => commands[entry](process.argv.slice(2)));
}
