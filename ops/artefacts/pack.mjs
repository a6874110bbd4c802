/**
 * `npm run pack:npm`, the first half of `npm run pack`: builds, and makes what npm installs, by the version of package.json.
 * In dist/artefacts are then the tarball of the product and of the watcher alone, the SBOM of each, and the list of
 * licences. The same tree gives the same bytes.
 * Refuses a tree with changes that are not committed, unless it is given --uncommitted.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PACKAGE } from './lock.mjs';
import { productTree, SBOM, watcherTree } from './trees.mjs';

const OUT = join(PACKAGE, 'dist/artefacts');
const run = (command, args, cwd = PACKAGE) => execFileSync(command, args, { cwd, encoding: 'utf8' });

const changed = process.argv.includes('--uncommitted') ? '' : run('git', ['status', '--porcelain']).trim();
if (changed !== '') {
  const [first] = changed.split('\n');
  process.stderr.write(
    `npm run pack: the tree must have no uncommitted change, but git status names some (${first.trim()}); commit or remove them first.\n`,
  );
  process.exit(2);
}
run('npm', ['run', 'build']);
mkdirSync(OUT, { recursive: true });
for (const tree of [productTree, watcherTree]) pack(tree);
copyFileSync(join(PACKAGE, 'docs/licences.md'), join(OUT, 'licences.md'));

function pack(makeTree) {
  const tree = mkdtempSync(join(tmpdir(), 'pack-'));
  try {
    const { name, version } = makeTree(tree);
    // The umask of a checkout is not part of what is packed.
    run('chmod', ['-R', 'u=rwX,go=rX', tree]);
    run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', OUT], tree);
    copyFileSync(join(tree, SBOM), join(OUT, `${name}-${version}.${SBOM}`));
    const file = join(OUT, `${name}-${version}.tgz`);
    process.stdout.write(`${file} (${(statSync(file).size / 1e6).toFixed(1)} MB)\n`);
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}
