/** ingest-ctl host join NAME: this host's state has its part in the shared ledger from now on. */
import { statePathOf } from '../base/config/state-path.js';
import { OperatorError } from '../base/errors.js';
import { safeText } from '../base/telemetry/safe.js';
import { openState } from '../ingest/ledger/open-state.js';
import { join } from '../ingest/shared-ledger/join.js';
import { askedFor } from './ask.js';
import { say } from './console.js';
import { prepareState } from './state.js';

export async function host(argv: readonly string[]): Promise<number> {
  const invocation = askedFor('host', argv);
  if (!invocation) return 0;
  const [act, name, ...more] = invocation.words;
  if (act !== 'join' || name === undefined || more.length > 0)
    throw new OperatorError(
      'missing_word',
      'ingest-ctl host must be told what to do: write join and the name of this host.',
    );
  const url = invocation.service['shared-ledger'];
  if (url === undefined)
    throw new OperatorError(
      'missing_option',
      'ingest-ctl host join needs --shared-ledger, the address of the PostgreSQL that the hosts share.',
    );
  const statePath = statePathOf(invocation, process.env);
  prepareState(statePath);
  const maxAttempts = invocation.service['max-attempts'];
  const backend = await openState({ statePath, title: invocation.spec.name, maxAttempts });
  try {
    const { told, elsewhere } = await join(backend, { name, statePath, url });
    say(safeText(`${name} has joined. Contents told: ${told}; of these stored at other hosts too: ${elsewhere}.`));
  } finally {
    await backend.close();
  }
  return 0;
}
