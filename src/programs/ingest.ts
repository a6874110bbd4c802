import { runCommand } from '../commands/console.js';
import { ingest } from '../commands/ingest.js';

runCommand('ingest', ingest);
