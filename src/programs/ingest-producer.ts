import { argumentsOf } from '../base/arguments.js';
import { runCommand } from '../commands/console.js';
import { ingestProducer } from '../commands/ingest-producer.js';

runCommand('ingest-producer', () => ingestProducer(argumentsOf()));
