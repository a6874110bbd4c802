import { runCommand } from '../commands/console.js';
import { queueStat } from '../commands/queue-stat.js';

runCommand('queue-stat', queueStat);
