import { runCommand } from '../commands/console.js';
import { ingestWorker } from '../commands/ingest.js';

runCommand('ingest-worker', ingestWorker);
