/** A process that keeps a read lease on a file until it is ended, as servers of NFS and SMB do for their clients. */
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { linesOf, startNode } from '../../linux/support.js';

const HOLDER = `const { fcntl } = await import(args[1]);
  const fd = fs.openSync(args[0], 'r');
  // After this call the signal that asks for the lease is ignored.
  linux.probeLease(fd);
  console.log(fcntl(fd, 1024, 'int', 0) === 0 ? 'holding' : 'refused');
  setInterval(() => {}, 1_000);`;

/** Returns the function that releases the lease. */
export async function holdLease(t: TestContext, path: string): Promise<() => Promise<unknown>> {
  const libc = new URL('../../../src/linux/libc.js', import.meta.url).href;
  const holder = startNode(t, HOLDER, { args: [path, libc] });
  const said = await linesOf(holder)();
  if (said !== 'holding') throw new Error(`no lease on ${path}: ${said}`);
  return () => {
    const ended = once(holder, 'exit');
    holder.kill('SIGKILL');
    return ended;
  };
}
