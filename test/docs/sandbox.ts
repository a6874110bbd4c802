/** Runs a shell example of a document in a folder of its own, with the commands of this package on the PATH. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { PACKAGE } from '../world/program.js';

export class Sandbox {
  readonly root = mkdtempSync(join(tmpdir(), 'document-'));

  constructor(t: TestContext) {
    t.after(() => rmSync(this.root, { recursive: true, force: true }));
  }

  at = (path: string): string => join(this.root, path);

  write(path: string, text: string): string {
    mkdirSync(dirname(this.at(path)), { recursive: true });
    writeFileSync(this.at(path), text);
    return this.at(path);
  }

  /** `sh -e`: the first command that fails ends it. `before`: what the document takes for granted, such as a variable. */
  run(script: string, { before = '', env = {} }: { before?: string; env?: NodeJS.ProcessEnv } = {}) {
    const PATH = `${join(PACKAGE, 'bin')}:${dirname(process.execPath)}:${process.env.PATH}`;
    return spawnSync('sh', ['-ec', `${before}\n${script}`], {
      cwd: this.root,
      env: { ...process.env, HOME: this.root, ...env, PATH },
      encoding: 'utf8',
    });
  }
}
