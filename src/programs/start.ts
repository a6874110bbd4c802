import { argumentsOf } from '../base/arguments.js';
import { runCommand } from '../commands/console.js';
import { start } from '../commands/start.js';

runCommand('npm start', () => start(argumentsOf()));
