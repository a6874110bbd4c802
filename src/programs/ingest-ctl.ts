import { runCommand } from '../commands/console.js';
import { ingestCtl } from '../commands/ingest-ctl.js';

runCommand('ingest-ctl', ingestCtl);
