/** What a parent spawns (src/programs/child.ts). Its parent has looked at what the installation lacks. */
const { enableCompileCache } = require('node:module');
const { join } = require('node:path');

enableCompileCache(join(__dirname, '../dist/cache'));
require('../dist/program/child.cjs');
