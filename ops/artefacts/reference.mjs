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

/** Names this package instead of the whole product. */
export const naming = (text, name) =>
  text.replaceAll('atomic-ingestor/watcher', name).replaceAll('atomic-ingestor/mirror', `${name}/mirror`);

/** Leaves out what only readers of the product need. A link to a page that is not in the package becomes plain text. */
const forPackage = (text, name) =>
  naming(text, name)
    .replace(/ ?<!-- product -->[\s\S]*?<!-- \/product -->\n*/g, (part) =>
      part.endsWith('\n\n') ? '' : part.match(/\n*$/)[0],
    )
    .replace(/^## Install\n[\s\S]*?(?=^## )/m, '## Install\n\nSee [README.md](../README.md).\n\n')
    .replace(/\[([^\]]+)\]\((?!#)([^)#]+)[^)]*\)/g, (link, shown, page) =>
      [...PAGES, README].includes(page) ? link : shown,
    );
