/** `npm run docs`: writes docs/options.md, and the rows of docs/errors.md, out of the built schema and catalogue. */
import { readFileSync, writeFileSync } from 'node:fs';
import { errorsPage } from './errors-page.mjs';
import { optionsPage } from './options-page.mjs';

const DOCS = new URL('../../docs/', import.meta.url);
const errors = new URL('errors.md', DOCS);

writeFileSync(new URL('options.md', DOCS), optionsPage());
writeFileSync(errors, errorsPage(readFileSync(errors, 'utf8')));
