import { runCommand } from '../commands/console.js';
import { ingestProducer } from '../commands/ingest.js';

runCommand('ingest-producer', ingestProducer);
