/** The pages of the watcher's package, as [path, text]: its README, and the reference of both libraries. */
import { readFileSync } from 'node:fs';
import { PACKAGE } from './lock.mjs';

const PAGES = ['watcher.md', 'replicate.md'];
const README = '../README.md';

export const referenceOf = (name) =>
  new Map([
    ['README.md', readFileSync(`${PACKAGE}ops/artefacts/watcher-readme.md`, 'utf8')],
    ...PAGES.map((page) => [`docs/${page}`, forPackage(readFileSync(`${PACKAGE}docs/${page}`, 'utf8'), name)]),
  ]);

/** Names this package in imports. A link to a page that is not in it becomes plain text. */
const forPackage = (text, name) =>
  text
    .replaceAll('atomic-ingestor/watcher', name)
    .replaceAll('atomic-ingestor/mirror', `${name}/mirror`)
    .replace(/^## Install\n[\s\S]*?(?=^## )/m, '## Install\n\nSee [README.md](../README.md).\n\n')
    .replace(/\[([^\]]+)\]\((?!#)([^)#]+)[^)]*\)/g, (link, shown, page) =>
      [...PAGES, README].includes(page) ? link : shown,
    );
