import { runCommand } from '../commands/console.js';
import { start } from '../commands/start.js';

runCommand('npm start', start);
