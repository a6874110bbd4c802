import { argumentsOf } from '../base/arguments.js';
import { runCommand } from '../commands/console.js';
import { ingestDashboard } from '../commands/ingest.js';

runCommand('ingest-dashboard', () => ingestDashboard(argumentsOf()));
