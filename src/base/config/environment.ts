/**
 * Options in the environment: `INGEST_STABILITY_SECONDS=5`. An empty variable counts as not set.
 * Does not: refuse every unknown INGEST_ variable (container platforms set their own, such as INGEST_SERVICE_HOST),
 * only one that is a slip of the hand away from an option.
 */
import { OperatorError } from '../errors.js';
import { TOKEN_VARIABLE } from './dashboard.js';
import { SECRET_VARIABLE } from './notify.js';
import { feedFields, serviceFields } from './schema.js';
import { nearest } from './values/nearest.js';

export const variableOf = (option: string): string => `INGEST_${option.toUpperCase().replaceAll('-', '_')}`;

const READ = [...Object.keys(feedFields), ...Object.keys(serviceFields), 'config'];
const VARIABLES = new Map(READ.map((name) => [variableOf(name), name]));

export function readEnvironment(env: NodeJS.ProcessEnv): Map<string, unknown> {
  const values = new Map<string, unknown>();
  for (const [variable, value] of Object.entries(env)) {
    if (!variable.startsWith('INGEST_') || value === undefined || value === '') continue;
    const option = VARIABLES.get(variable);
    if (option !== undefined) values.set(option, value);
    else if (variable !== TOKEN_VARIABLE && variable !== SECRET_VARIABLE) refuseSlip(variable);
  }
  return values;
}

function refuseSlip(variable: string): void {
  const near = nearest(
    variable.slice('INGEST_'.length),
    [...VARIABLES.keys()].map((name) => name.slice('INGEST_'.length)),
  );
  if (near === undefined) return;
  throw new OperatorError(
    'unknown_variable',
    `the environment variable ${variable} is not one that is read; did you mean INGEST_${near}? Rename or unset it.`,
  );
}
