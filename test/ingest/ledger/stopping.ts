/** A process to which Ctrl-Z is sent in the middle of a transaction. */
import { openState } from '../../../src/ingest/ledger/open-state.js';

const backend = await openState({ statePath: process.argv[2]!, title: 'stopping', maxAttempts: 8, create: false });
await backend.transact(() => void process.kill(process.pid, 'SIGTSTP'));
await backend.close();
