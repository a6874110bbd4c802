import { runCommand } from '../commands/console.js';
import { ingestDashboard } from '../commands/ingest.js';

runCommand('ingest-dashboard', ingestDashboard);
