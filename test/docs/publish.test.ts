/** The configuration of docs/publish.md is one that `ingest` takes. No bucket is asked. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load, makeFolders } from '../base/config/folders.js';
import { blockOf } from './documents.js';
import { Sandbox } from './sandbox.js';

test('the configuration of the document is accepted', (t) => {
  const folders = makeFolders(t);
  const yaml = blockOf('docs/publish.md', 'yaml').replaceAll('/data/staging', folders.input);
  const file = new Sandbox(t).write('config.yaml', yaml.replaceAll('/data/', `${folders.root}/`));
  const { feeds } = load(folders, ['--config', file]);
  assert.deepEqual(
    feeds.map(({ name, publish }) => [name, publish !== undefined]),
    [['orders', true]],
  );
});
