/** Checks whether a move between two places is a rename or a copy. It tries a rename, because two mounts of one filesystem refuse it as well. */
import { deliver, moveOwn } from '../../files/moves.js';
import { codeOf, makeProbe, probeName, removeProbes, withRoot } from './probe.js';
import { type Finding, fail, ok } from './words.js';

/** `seal`: a rename is required. `move`: a copy is possible. */
export function checkPair(about: string, from: string, to: string, act: 'seal' | 'move'): Finding {
  const name = probeName();
  let isAcross = false;
  const code = codeOf(() =>
    withRoot(from, (a) =>
      withRoot(to, (b) => {
        makeProbe(a, name);
        const [probe, there] = [
          { dir: a, name },
          { dir: b, name },
        ];
        try {
          if (act === 'seal') moveOwn(probe, there);
          else isAcross = deliver(probe, there) === 'across';
        } finally {
          removeProbes(a, name);
          removeProbes(b, name);
        }
      }),
    ),
  );
  if (code === undefined && !isAcross) return ok(about, 'one filesystem: a move is one rename, and the inode stays');
  if (code !== undefined && code !== 'EXDEV')
    return fail(about, `a file cannot be moved (${code})`, 'correct the permissions of both');
  return act === 'seal'
    ? fail(
        about,
        'another filesystem or mount, and a file is sealed by a rename',
        'name a --work-dir on the mount of --input',
      )
    : ok(
        about,
        'another filesystem or mount: each file is copied, compared and synced, and needs its room twice meanwhile',
      );
}
