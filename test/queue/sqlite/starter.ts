/** A process that opens a state with given migrations and ends. Arguments: the path, then each migration of one module. */
import { openQueue } from '../../../queue/index.js';
import { host } from '../../../src/linux/index.js';

const [path, ...migrations] = process.argv.slice(2) as [string, ...string[]];
process.send?.('begins');
const modules = [{ name: 'notes', migrations }];
await (await openQueue({ path, host: host(), stages: ['only'], title: 'starter', maxAttempts: 3, modules })).close();
