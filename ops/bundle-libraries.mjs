/**
 * Makes each library that the package exports out of its modules: dist/NAME.cjs, and dist/NAME.js, which names what is in it.
 * One file takes less memory than sixty. It requires what it needs: an ES module that imports a builtin loads all of it,
 * also the parts that nobody uses (streams, web crypto).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const DIST = fileURLToPath(new URL('../dist/', import.meta.url));
const LIBRARIES = { watcher: 'src/watcher/index.js', mirror: 'src/mirror/library/index.js' };

/** Loaded at the first call: most watchers have no glob, only a change log needs random numbers, and most assertions hold. */
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
      const functions = Object.entries(createRequire(import.meta.url)(path)).filter(([name]) => FROM_CRYPTO.test(name));
      const named = functions.map(
        ([name]) => `export const ${name} = (...given) => require('${path}').${name}(...given);`,
      );
      return { contents: named.join('\n') };
    });
  },
};

/**
 * Runs before any package is loaded: better-sqlite3 ends an older Node by SIGSEGV. The name is that of the package that the
 * library lies in.
 */
function nodeCheck() {
  const { engines } = JSON.parse(readFileSync(`${DIST}../package.json`, 'utf8'));
  const least = /^>=(\d+)$/.exec(engines.node)[1];
  const sentence = `\`\${require("../package.json").name} needs Node ${least} or newer, and this is \${process.version}\``;
  return `"use strict";if(parseInt(process.versions.node)<${least})throw new Error(${sentence});`;
}

/** The functions of node:crypto that the libraries call. */
const FROM_CRYPTO = /^(?:random|createHash$)/;

for (const [name, entry] of Object.entries(LIBRARIES)) {
  await build({
    entryPoints: [DIST + entry],
    outfile: `${DIST}${name}.cjs`,
    bundle: true,
    platform: 'node',
    target: 'node22',
    format: 'cjs',
    external: ['better-sqlite3', 'koffi'],
    // Less text for each process that loads it; names and lines stay, for the stack of a bug.
    minifySyntax: true,
    minifyWhitespace: true,
    lineLimit: 120,
    legalComments: 'linked',
    plugins: [onFirstUse],
    banner: { js: nodeCheck() },
  });
  const names = Object.keys(await import(DIST + entry));
  writeFileSync(
    `${DIST}${name}.js`,
    [
      `import { createRequire } from 'node:module';`,
      `const library = createRequire(import.meta.url)('./${name}.cjs');`,
      `export const { ${names.join(', ')} } = library;`,
      '',
    ].join('\n'),
  );
}
