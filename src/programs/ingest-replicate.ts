import { runCommand } from '../commands/console.js';
import { ingestReplicate } from '../commands/ingest-replicate.js';

runCommand('ingest-replicate', ingestReplicate);
