/** A process to which Ctrl-Z is sent in the middle of a transaction. */
import { once } from 'node:events';
import { openState } from '../../../src/ingest/ledger/open-state.js';
import { leaveGroup } from '../../linux/process-group.js';

// The kernel stops no process of an orphaned group, as that of a whole build without a terminal is. In a group of its own this one
// has a parent that could continue it.
leaveGroup();
const backend = await openState({ statePath: process.argv[2]!, title: 'stopping', maxAttempts: 8, create: false });
// The timer keeps the process alive until the signal has stopped it, and it was continued.
const alive = setInterval(() => {}, 60_000);
const continued = once(process, 'SIGCONT');
await backend.transact(() => void process.kill(process.pid, 'SIGTSTP'));
await continued;
clearInterval(alive);
await backend.close();
