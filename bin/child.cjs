/** What a parent spawns; see src/supervise/child.ts. */
require('./bundled.cjs').launchChild(process.argv[2]);
