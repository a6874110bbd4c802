/** The text of sidecars: every form in which tools print a SHA-256 is understood, and what is not understood is never passed over. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { checksumIn, demandOf, refusedBy } from '../../../src/ingest/rules/checksum.js';
import { nameOfText } from '../../../src/linux/names.js';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const MINE = sha256('mine');
const OTHER = sha256('other');
const says = (text: string | Buffer, path = 'a.csv') => checksumIn(Buffer.from(text), nameOfText(path));
const DEMANDS_MINE = { kind: 'sha256', sha256: MINE } as const;

const TOOLS: Record<string, readonly string[][]> = {
  sha256sum: [[], ['--binary'], ['--tag'], ['--zero'], ['--tag', '--zero']],
  shasum: [
    ['-a', '256'],
    ['-a', '256', '-b'],
    ['-a', '256', '-U'],
    ['-a', '256', '--tag'],
  ],
  cksum: [[], ['--untagged'], ['--zero'], ['--untagged', '--zero'], ['--base64']].map((more) => [
    '-a',
    'sha256',
    ...more,
  ]),
  openssl: [[], ['-r'], ['-c'], ['-c', '-r']].map((more) => ['dgst', '-sha256', ...more]),
};
const NAMES = ['a.csv', 'two words (1) = x.csv', 'back\\slash.csv', 'deep/ä.csv'];
/** Not by openssl: it breaks its line there. */
const BROKEN_NAMES = ['new\nline.csv', 'carriage\rreturn.csv'];

for (const [tool, forms] of Object.entries(TOOLS))
  test(`what ${tool} prints is understood: of one file, of several, and of its input`, (t) => {
    if (spawnSync(tool, ['--version']).error) return t.skip(`no ${tool}: what it prints is not tested`);
    const folder = mkdtempSync(join(tmpdir(), 'ingest-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const names = NAMES.map((name) => name.replace('deep/', '')).concat(tool === 'openssl' ? [] : BROKEN_NAMES);
    const contentOf = (name: string): string => `content ${names.indexOf(name)}`;
    for (const name of names) writeFileSync(join(folder, name), contentOf(name));
    let understood = 0;
    for (const form of forms) {
      const run = (...of: string[]) => spawnSync(tool, [...form, ...of], { cwd: folder, input: contentOf('a.csv') });
      const all = run(...names);
      // An older tool has fewer options.
      if (all.status !== 0) continue;
      for (const name of names) {
        const demanded = { kind: 'sha256', sha256: sha256(contentOf(name)) } as const;
        assert.deepEqual(says(run(name).stdout, name), demanded, `${form} of ${name}`);
        assert.deepEqual(says(run(`./${name}`).stdout, `deep/${name}`), demanded);
        assert.deepEqual(says(all.stdout, name), demanded, `${form} of all, for ${name}`);
        understood++;
      }
      assert.deepEqual(says(all.stdout, 'another.csv'), { kind: 'unclear' }, 'no line is for it');
      assert.deepEqual(
        says(run().stdout),
        { kind: 'sha256', sha256: sha256(contentOf('a.csv')) },
        `${form} of its input`,
      );
    }
    assert.ok(understood >= names.length);
  });

const UPPER = MINE.toUpperCase();
const PAIRS = MINE.match(/../g)!;
/** Forms of tools that may not be here. */
const FORMS: Record<string, string> = {
  alone: MINE,
  'sha256 of BSD': `SHA256 (a.csv) = ${MINE}\n`,
  'sha256 -r of BSD': `${MINE} a.csv\n`,
  'openssl 1': `SHA256(a.csv)= ${MINE}\n`,
  'openssl 1 of its input': `(stdin)= ${MINE}\n`,
  'cksum --base64': `SHA256 (a.csv) = ${Buffer.from(MINE, 'hex').toString('base64')}\n`,
  'the table of Get-FileHash': `
Algorithm       Hash                                                                   Path
---------       ----                                                                   ----
SHA256          ${UPPER}       C:\\Users\\me\\a.csv


`,
  'the table with a path that is cut': `SHA256          ${UPPER}       C:\\Users\\me\\a long fol...\n`,
  'the list of Get-FileHash': `\n\nAlgorithm : SHA256\nHash      : ${UPPER}\nPath      : C:\\Users\\me\\a.csv\n\n\n\n`,
  '(Get-FileHash a.csv).Hash': `${UPPER}\n`,
  'BitConverter of .NET': `${PAIRS.join('-').toUpperCase()}\n`,
  certutil: `SHA256 hash of a.csv:\n${MINE}\nCertUtil: -hashfile command completed successfully.\n`,
  'certutil of older Windows': `SHA256 hash of file a.csv:\n${PAIRS.join(' ')}\n`,
};

/** `\ufeff` is the mark of the byte order. */
const ENCODINGS: Record<string, (text: string) => Buffer> = {
  'UTF-8': (text) => Buffer.from(text),
  'UTF-8 with a mark': (text) => Buffer.from(`\ufeff${text}`),
  'UTF-16LE': (text) => Buffer.from(text, 'utf16le'),
  'UTF-16LE with a mark': (text) => Buffer.from(`\ufeff${text}`, 'utf16le'),
  'UTF-16BE': (text) => Buffer.from(text, 'utf16le').swap16(),
  'UTF-16BE with a mark': (text) => Buffer.from(`\ufeff${text}`, 'utf16le').swap16(),
  'UTF-32LE with a mark': (text) => Buffer.from([...`\ufeff${text}`].join('\0').concat('\0'), 'utf16le'),
};

for (const [form, text] of Object.entries(FORMS))
  test(`understood in each encoding, with the ends of lines of each system: ${form}`, () => {
    for (const [encoding, encoded] of Object.entries(ENCODINGS))
      for (const one of [text, text.replaceAll('\n', '\r\n')])
        assert.deepEqual(says(encoded(one)), DEMANDS_MINE, encoding);
  });

test('a name in UTF-16 is the same name', () => {
  const text = `${OTHER}  b.csv\r\n${MINE}  äöü €.csv\r\n`;
  assert.deepEqual(says(Buffer.from(`\ufeff${text}`, 'utf16le'), 'äöü €.csv'), DEMANDS_MINE);
});

test('of several lines that of the file counts, by its path or else by its name', () => {
  assert.deepEqual(says(`${OTHER}  b.csv\n${MINE}  a.csv\n`), DEMANDS_MINE);
  assert.deepEqual(says(`${OTHER}  x/a.csv\n${MINE}  y/a.csv\n`, 'y/a.csv'), DEMANDS_MINE);
  assert.deepEqual(says(`${OTHER}  C:\\x\\a.csv\n${MINE}  C:\\y\\a.csv\n`, 'y/a.csv'), DEMANDS_MINE);
  assert.deepEqual(says(`${MINE}  /srv/a.csv\n${OTHER}  /srv/aa.csv\n`), DEMANDS_MINE);
  const list = [OTHER, MINE].map((hash, i) => `Hash : ${hash}\nPath : C:\\${'ba'[i]}.csv\n`).join('\n');
  assert.deepEqual(says(list), DEMANDS_MINE);
  assert.deepEqual(says(`MD5 (a.csv) = ${'a'.repeat(32)}\nSHA256 (a.csv) = ${MINE}\n`), DEMANDS_MINE);
  assert.deepEqual(says(`${MINE}  upload-7.tmp\n`), DEMANDS_MINE, 'a single line counts under any name');
});

const UNCLEAR: Record<string, string> = {
  'two lines, none for this file': `${MINE}  b.csv\n${OTHER}  c.csv\n`,
  'two checksums for this file': `${MINE}  a.csv\n${OTHER}  a.csv\n`,
  'SHA3-256': `SHA3-256(a.csv)= ${MINE}\n`,
  'SHA-512/256': `SHA2-512/256(a.csv)= ${MINE}\n`,
  JSON: `{"file":"a.csv","sha256":"${MINE}"}`,
  CSV: `"SHA256","${UPPER}","C:\\a.csv"\n`,
  'the name first': `a.csv ${MINE}\n`,
  'groups, as by gpg': `a.csv: ${MINE.match(/.{8}/g)!.join(' ')}\n`,
  'another algorithm in a list': `Algorithm : SHA3\nHash      : ${MINE}\nPath      : a.csv\n`,
  'a list with two checksums of one record': `Hash : ${MINE}\nHash : ${OTHER}\nPath : a.csv\n`,
  'a digit too few': `${MINE.slice(1)}  a.csv\n`,
  'a digit too many, alone': `${MINE}0\n`,
  'a letter that is no digit': `${MINE.slice(0, 31)}x${MINE.slice(32)}  a.csv\n`,
  'cut, in the form of BSD': `SHA256 (a.csv) = ${MINE.slice(0, 20)}`,
  'no digit, in the form of BSD': 'SHA256 (a.csv) = \n',
  'one that is understood, for another file, and one cut for this': `${OTHER}  b.csv\n${MINE.slice(0, 50)}`,
  'one that is understood, for another file, and one that is not': `${OTHER}  b.csv\nSHA3-256 (a.csv) = ${MINE}\n`,
};

for (const [form, text] of Object.entries(UNCLEAR))
  test(`held, as a checksum that is not understood: ${form}`, () => {
    for (const encoded of Object.values(ENCODINGS)) assert.deepEqual(says(encoded(text)), { kind: 'unclear' });
    const { code, reason } = refusedBy(demandOf({ kind: 'unclear' }), MINE)!;
    assert.equal(code, 'sidecar_not_understood');
    assert.match(reason, new RegExp(MINE));
  });

test('what has no SHA-256 says only that its file is whole', () => {
  for (const text of ['', ' \r\n', '\ufeff']) assert.deepEqual(says(text), { kind: 'nothing' });
  const digests = [32, 40, 56, 96, 128].map((digits) => `${'a'.repeat(digits)}  a.csv\n`);
  const others = ['complete\n', '2026-01-03T00:00:00Z 123456789\n', `"${'a'.repeat(32)}-12"\n`, ...digests];
  for (const text of others) assert.deepEqual(says(text), { kind: 'other' });
  // Files are named by their checksum: the name alone proves nothing.
  assert.deepEqual(says(`done: in/${MINE}.csv\n`, `in/${MINE}.csv`), { kind: 'other' });
});
