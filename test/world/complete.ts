/**
 * "Complete": before the rule is fulfilled, the file stays untouched in the input, and nothing of it is in the
 * warehouse or a manifest. Afterwards all of it is stored, byte for byte.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { shownName } from '../../src/linux/names.js';
import { asName, type Dropped, type Name } from './dropping.js';
import { type Feed, workDirOf } from './layout.js';
import { manifestLines, originOf } from './manifest.js';
import { files, look } from './tree.js';
import { type Deadline, until } from './waiting.js';

/**
 * A sentence that says how the file was touched; undefined if it was not. The name must be new. `appeared: false`: it
 * need not be in the input yet.
 */
export function touched(feed: Feed, given: Name, appeared = true): string | undefined {
  const name = asName(given);
  const shown = shownName(name);
  const base = name.slice(name.lastIndexOf('/') + 1);
  const sealed = files(join(workDirOf(feed), 'underprocess')).find((f) => f.path.endsWith(base));
  if (sealed) return `${shown} is in underprocess/ as ${shownName(sealed.path)}`;
  if (files(feed.warehouse).some((f) => f.path.endsWith(`/${base}`))) return `${shown} is in the warehouse`;
  const line = manifestLines(feed.manifests).find((l) => l.record && originOf(l.record, feed.input) === name);
  if (line) return `${shown} has a manifest line`;
  return appeared && look(feed.input, name) === undefined ? `${shown} is not in the input any more` : undefined;
}

/**
 * Runs `act`, which completes the file, and asserts meanwhile that the file is untouched; then waits until it is
 * stored. `act` calls `whole()` directly before the step that fulfils the rule (the rename, the sidecar); otherwise the
 * rule may be fulfilled when `act` ends. `act` returns the dropped file.
 */
export async function complete(
  feed: Feed,
  name: Name,
  act: (whole: () => void) => Promise<Dropped> | Dropped,
  options: Deadline = {},
): Promise<Dropped> {
  let over = false;
  const whole = () => {
    over = true;
  };
  const acting = Promise.resolve()
    .then(() => act(whole))
    .finally(whole);
  let appeared = false;
  await until(
    `${name} becomes whole`,
    () => {
      if (over) return true;
      appeared ||= look(feed.input, asName(name)) !== undefined;
      const how = touched(feed, name, appeared);
      assert(over || how === undefined, `before the rule held: ${how}`);
      return over;
    },
    { everyMs: 5 },
  ).catch((error: unknown) => {
    acting.catch(() => {}); // the end of the act itself does not matter any more
    throw error;
  });
  const dropped = await acting;
  await isStored(feed, dropped, options);
  return dropped;
}

/** Waits until a dropped content is in the warehouse under its manifest line, byte for byte. */
export async function isStored(feed: Feed, dropped: Dropped, options: Deadline = {}): Promise<void> {
  await until(
    `${shownName(dropped.name)} stored with ${dropped.bytes} bytes, SHA-256 ${dropped.sha256}`,
    () =>
      files(feed.warehouse).some((f) => f.sha256 === dropped.sha256 && f.size === dropped.bytes) &&
      manifestLines(feed.manifests).some(
        (line) => line.record?.sha256 === dropped.sha256 && line.record.size === dropped.bytes,
      ),
    { everyMs: 25, ...options },
  );
}
