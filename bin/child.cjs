/** The program that a parent spawns (src/programs/child.ts). The parent has checked that the installation is complete. */
const { enableCompileCache } = require('node:module');
const { join } = require('node:path');

enableCompileCache(join(__dirname, '../dist/cache'));
require('../dist/program/child.cjs');
