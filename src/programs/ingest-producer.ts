import { runCommand } from '../commands/console.js';
import { ingestProducer } from '../commands/ingest-producer.js';

runCommand('ingest-producer', () => ingestProducer(process.argv.slice(2)));
