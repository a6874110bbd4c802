import { argumentsOf } from '../base/arguments.js';
import { runCommand } from '../commands/console.js';
import { ingestDashboard } from '../commands/ingest-dashboard.js';

runCommand('ingest-dashboard', () => ingestDashboard(argumentsOf()));
