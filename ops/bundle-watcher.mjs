/**
 * Makes the library that the package exports out of its modules: dist/watcher.cjs, and dist/watcher.js, which names what is
 * in it. One file is less memory than sixty. It requires what it needs: an ES module that imports a builtin has all of it
 * made ready, what nobody asks for included (streams, web crypto).
 */
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const DIST = fileURLToPath(new URL('../dist/', import.meta.url));

/** Loaded by the first call: many a watcher has no glob, only a change log needs random numbers, and what is asserted holds. */
const onFirstUse = {
  name: 'on-first-use',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(node:crypto|node:assert\/strict|picomatch)$/ }, ({ path, kind }) =>
      kind === 'require-call' ? { path, external: true } : { path, namespace: 'later' },
    );
    onLoad({ filter: /^picomatch$/, namespace: 'later' }, () => ({
      contents: `export default (...given) => require('picomatch')(...given);`,
    }));
    onLoad({ filter: /^node:assert/, namespace: 'later' }, ({ path }) => ({
      contents: `export default (value, message) => value || require('${path}')(value, message);`,
    }));
    onLoad({ filter: /^node:crypto$/, namespace: 'later' }, ({ path }) => {
      const functions = Object.entries(createRequire(import.meta.url)(path)).filter(([name]) => /^random/.test(name));
      const named = functions.map(
        ([name]) => `export const ${name} = (...given) => require('${path}').${name}(...given);`,
      );
      return { contents: named.join('\n') };
    });
  },
};

await build({
  entryPoints: [`${DIST}src/watcher/index.js`],
  outfile: `${DIST}watcher.cjs`,
  bundle: true,
  platform: 'node',
  target: 'node22',
  format: 'cjs',
  external: ['better-sqlite3', 'koffi'],
  // Less text for each process that watches; names and lines stay, for the stack of a bug.
  minifySyntax: true,
  minifyWhitespace: true,
  lineLimit: 120,
  legalComments: 'linked',
  plugins: [onFirstUse],
});

const names = Object.keys(await import(`${DIST}src/watcher/index.js`));
writeFileSync(
  `${DIST}watcher.js`,
  [
    `import { createRequire } from 'node:module';`,
    `const library = createRequire(import.meta.url)('./watcher.cjs');`,
    `export const { ${names.join(', ')} } = library;`,
    '',
  ].join('\n'),
);
