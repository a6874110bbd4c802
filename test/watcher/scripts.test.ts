/**
 * Every script of test/watch-scripts, on every backend that it names: operations on real files in, events out.
 * SCRIPT=words runs those whose name contains the words.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, it, type TestContext, test } from 'node:test';
import { isRoot, ordinaryUser, skipUnlessReachable } from '../world/users.js';
import { Scene } from './scripts/scene.js';
import { type Backend, type Script, scripts } from './scripts/script.js';

const ONLY = process.env.SCRIPT ?? '';
/** Most of the time they wait for debounce windows. */
const AT_ONCE = 6;
const all = scripts();

test('there are forty scripts at least, each with a name of its own', (t) => {
  const names = all.map(({ theme, name }) => `${theme}: ${name}`);
  assert.equal(new Set(names).size, names.length);
  assert(names.length >= 40, `${names.length} scripts`);
  t.diagnostic(`${names.length} scripts`);
});

describe('scripts', { concurrency: AT_ONCE }, () => {
  for (const script of all) {
    if (!`${script.theme}: ${script.name}`.includes(ONLY)) continue;
    for (const backend of script.backends)
      it(`${script.theme}: ${script.name} (${backend})`, (t) =>
        script.user === 'ordinary' && isRoot ? asOrdinary(t, script, backend) : new Scene(script, backend).run());
  }
});

async function asOrdinary(t: TestContext, { theme, name }: Script, backend: Backend): Promise<void> {
  if (skipUnlessReachable(t, ordinaryUser, `${name} was not tested`)) return;
  const child = spawn(process.execPath, [join(import.meta.dirname, 'scripts/apart.js'), theme, name, backend], {
    ...ordinaryUser,
    cwd: '/',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let told = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    told += text;
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  assert.equal(code, 0, told);
}
