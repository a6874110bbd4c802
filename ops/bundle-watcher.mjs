/**
 * Makes the one file of the library that the package exports: whoever watches loads what watching needs, and none of it
 * as modules (docs/watcher.md has the memory of both).
 */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const DIST = fileURLToPath(new URL('../dist/', import.meta.url));

/**
 * An ES module that imports a builtin has all of it made ready, what nobody asks for included (streams, web crypto); one
 * that requires it has not. `node:crypto` and the globs wait for their first use: many a watcher has none.
 */
const required = {
  name: 'required',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(node:|better-sqlite3$|koffi$|picomatch$)/ }, ({ path, kind }) =>
      kind === 'require-call' ? { path, external: true } : { path, namespace: 'required' },
    );
    onLoad({ filter: /^node:crypto$/, namespace: 'required' }, ({ path }) => {
      const names = Object.keys(createRequire(import.meta.url)(path));
      const getters = names.map((name) => `get ${name}() { return require('${path}').${name}; }`);
      return { contents: `module.exports = { ${getters.join(',')} };` };
    });
    onLoad({ filter: /^picomatch$/, namespace: 'required' }, ({ path }) => ({
      contents: `module.exports = (...given) => require('${path}')(...given);`,
    }));
    onLoad({ filter: /./, namespace: 'required' }, ({ path }) => ({
      contents: `module.exports = require('${path}');`,
    }));
  },
};

await build({
  entryPoints: [`${DIST}src/watcher/index.js`],
  outfile: `${DIST}watcher.js`,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  banner: { js: `import { createRequire as from } from "node:module"; const require = from(import.meta.url);` },
  minifySyntax: true,
  legalComments: 'linked',
  plugins: [required],
});
