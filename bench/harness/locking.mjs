/** Who else measures on this machine and holds the same file waits meanwhile (`flock` of util-linux). */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** `how`: 'exclusive' for what is timed, 'shared' for what only needs the machine; without a file nothing is locked. */
export async function locked(file, how, act) {
  if (file === undefined) return act();
  const args = [how === 'exclusive' ? '-x' : '-s', file, 'sh', '-c', 'echo locked; cat'];
  const holder = spawn('flock', args, { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    await Promise.race([
      once(holder.stdout, 'data'),
      once(holder, 'exit').then(([code]) => {
        throw new Error(`flock ${file} ended with ${code}`);
      }),
    ]);
    return await act();
  } finally {
    holder.stdin.end();
  }
}
