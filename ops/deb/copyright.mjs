/**
 * Prints /usr/share/doc/atomic-ingestor/copyright: who holds the rights of which files, in Debian's machine-readable form.
 * Takes the licences from npm-shrinkwrap.json, holders and texts from the files of each package.
 */
import { globSync, readFileSync } from 'node:fs';
import { json, nameAt, PACKAGE, packagesThatRun } from '../artefacts/lock.mjs';

const PROGRAM = 'usr/lib/atomic-ingestor';
/** Licences whose text every Debian system has. */
const COMMON = ['Apache-2.0', 'MPL-2.0'];
const NODE = {
  Files: `${PROGRAM}/bin/node`,
  Copyright: 'Node.js contributors, and the authors of the works that Node.js contains',
  License:
    'MIT-and-others\nThe file LICENSE.nodejs in this folder has the licence of Node.js and of each work in it (V8, OpenSSL, libuv and more).',
};

const { bundled, runtimes } = packagesThatRun();
const all = [...bundled, ...runtimes].filter(([path]) => !isOtherMachines(path));
const stanzas = [
  {
    Format: 'https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/',
    'Upstream-Name': 'Atomic Ingestor',
    Comment: `The built programs in ${PROGRAM}/dist/program contain code of the packages below. One of them, exeunt, is under
MPL-2.0. It is used as its authors published it, and its source is ${PROGRAM}/node_modules/exeunt.`,
  },
  files('*', json('package.json').license, textOf('LICENSE')),
  ...all.map(([path, { license }]) => {
    if (nameAt(path).startsWith('node-linux-')) return NODE;
    const [licence] = globSync(`${path}/{LICEN[SC]E,licen[sc]e,COPYING}*`, { cwd: PACKAGE });
    return files(`${PROGRAM}/${path}/*`, license, licence && textOf(licence), path);
  }),
];
process.stdout.write(`${stanzas.map(stanza).join('\n\n')}\n`);

function files(where, license, text, path) {
  const common =
    COMMON.includes(license) && `On Debian systems the full text is in /usr/share/common-licenses/${license}.`;
  const none = 'The package names this licence in its package.json and contains no text of it.';
  return {
    Files: where,
    Copyright: holders(text ?? '') || authors(path),
    License: `${license}\n${common || text || none}`,
  };
}

/** A licence may differ from another one of its name by its holder, so each stanza has the text of its own package. */
function holders(text) {
  const lines = text.split('\n').map((line) => line.trim());
  const found = lines
    .filter((line) => /^copyright\b.*(\(c\)|©|\d{4})/i.test(line))
    .map((line) => line.replace(/^copyright\s*/i, ''));
  return [...new Set(found)].slice(0, 20).join('\n');
}

function authors(path) {
  const { author, contributors, maintainers } = json(`${path}/package.json`);
  const name = (one) => (typeof one === 'string' ? one : one?.name);
  return (
    [author, ...(contributors ?? []), ...(maintainers ?? [])].map(name).find(Boolean) ??
    `the authors of ${nameAt(path)}`
  );
}

function isOtherMachines(path) {
  const { cpu } = json('npm-shrinkwrap.json').packages[path];
  return cpu !== undefined && !cpu.includes(process.arch);
}

function textOf(path) {
  return readFileSync(PACKAGE + path, 'utf8').trimEnd();
}

/** Lines after the first of a field are indented; an empty one is a dot. */
function stanza(fields) {
  const folded = (value) =>
    value.split(/\r?\n/).map((line, i) => (i === 0 ? line : line.trim() === '' ? ' .' : ` ${line}`));
  return Object.entries(fields)
    .map(([key, value]) => `${key}: ${folded(value).join('\n')}`)
    .join('\n');
}
