/** The documents of the package: their links, anchors, code blocks, and what stands right before a block. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { PACKAGE } from '../world/program.js';

const FOLDERS = ['docs', 'queue', 'ops', 'bench', 'src', 'test'];

/** All .md files of the package, by their paths. */
export const DOCUMENTS: readonly string[] = [
  ...readdirSync(PACKAGE).filter((name) => name.endsWith('.md')),
  ...FOLDERS.flatMap((folder) => below(folder)),
].sort();

function below(folder: string): string[] {
  return readdirSync(join(PACKAGE, folder), { withFileTypes: true }).flatMap((entry) => {
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : below(`${folder}/${entry.name}`);
    return entry.name.endsWith('.md') ? [`${folder}/${entry.name}`] : [];
  });
}

export const textOf = (document: string): string => readFileSync(join(PACKAGE, document), 'utf8');

export interface Block {
  document: string;
  language: string;
  text: string;
  /** The comment on the line before: `<!-- not run: why -->`. */
  note: string | undefined;
}

export const blocksOf = (document: string): Block[] =>
  [...textOf(document).matchAll(/^(?:<!-- (.*) -->\n)?```(\w*)\n([\s\S]*?)^```$/gm)].map(
    ([, note, language, text]) => ({ document, language: language!, text: text!, note }),
  );

/** The only block of that language in a document, or in its section below a heading. */
export function blockOf(document: string, language: string, heading?: string): string {
  const text = textOf(document);
  const from = heading === undefined ? 0 : text.indexOf(`\n## ${heading}\n`);
  const found = new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(text.slice(Math.max(from, 0)));
  if (from < 0 || !found) throw new Error(`${document} has no ${language} below "${heading}"`);
  return found[1]!;
}

/** The text without code: a link or a heading in a code block is none. */
export const proseOf = (document: string): string => textOf(document).replace(/^```[\s\S]*?^```$/gm, '');

/** The links of the documents that a package ships, to files that it does not ship. `root`: a folder with the shipped files. */
export function deadLinks(root: string, documents: readonly string[], isShipped: (path: string) => boolean): string[] {
  return documents.flatMap((document) => {
    const prose = readFileSync(join(root, document), 'utf8').replace(/^```[\s\S]*?^```$/gm, '');
    return [...prose.matchAll(/\]\(([^()\s#]+)/g)]
      .map(([, target]) => target!)
      .filter((target) => !/^(?:https?|mailto):/.test(target))
      .filter((target) => !isShipped(normalize(join(dirname(document), target))))
      .map((target) => `${document}: ${target}`);
  });
}

/** The anchors of a document's headings, as GitHub makes them: letters, digits, hyphens, underscores. */
export function anchorsOf(document: string): Set<string> {
  const seen = new Map<string, number>();
  const anchors = [...proseOf(document).matchAll(/^#{1,6} (.*)$/gm)].map(([, heading]) => {
    const plain = heading!.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const anchor = plain.replace(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-');
    const times = seen.get(anchor) ?? 0;
    seen.set(anchor, times + 1);
    return times === 0 ? anchor : `${anchor}-${times}`;
  });
  return new Set(anchors);
}
