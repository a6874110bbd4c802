/** Writes the man pages and the completions of bash, zsh and fish into dist/. The build runs it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bashCompletions } from './bash.mjs';
import { fishCompletions } from './fish.mjs';
import { commandPages } from './man.mjs';
import { filePage } from './man-file.mjs';
import { zshCompletions } from './zsh.mjs';

const DIST = fileURLToPath(new URL('../../dist/', import.meta.url));

function write(folder, files) {
  mkdirSync(`${DIST}${folder}`, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(`${DIST}${folder}/${name}`, text);
}

write('man', { ...commandPages(), 'atomic-ingestor.yaml.5': filePage() });
write('completions/bash', bashCompletions());
write('completions/zsh', zshCompletions());
write('completions/fish', fishCompletions());
