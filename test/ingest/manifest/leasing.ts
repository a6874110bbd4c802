/** A process that keeps a read lease on a file, as the servers of NFS and SMB do for their clients, until it is ended. */
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { linesOf, startNode } from '../../linux/support.js';

const HOLDER = `const { fcntl } = await import(args[1]);
  const fd = fs.openSync(args[0], 'r');
  // After this the signal that asks for the lease is ignored.
  linux.probeLease(fd);
  console.log(fcntl(fd, 1024, 'int', 0) === 0 ? 'holding' : 'refused');
  setInterval(() => {}, 1_000);`;

/** Answers how to let go. */
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
