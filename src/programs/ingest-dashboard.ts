import { runCommand } from '../commands/console.js';
import { ingestDashboard } from '../commands/ingest-dashboard.js';

runCommand('ingest-dashboard', () => ingestDashboard(process.argv.slice(2)));
