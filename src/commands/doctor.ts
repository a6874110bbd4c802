/**
 * ingest-ctl doctor: checks the environment before the first file; one line a thing, each with its remedy. What is in order is
 * counted, and printed with --verbose.
 */
import { accessSync, constants } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { configOf } from '../base/config/load.js';
import type { Config } from '../base/config/options.js';
import type { Invocation } from '../base/config/read.js';
import { realDirectory } from '../base/config/values/directories.js';
import { asOperatorError, EnvironmentError, EXIT, OperatorError } from '../base/errors.js';
import { lackHere } from '../base/surroundings.js';
import { safeText } from '../base/telemetry/safe.js';
import { doctor as examine } from '../tools/doctor/doctor.js';
import { makes } from '../tools/doctor/make.js';
import { isThere } from '../tools/doctor/probe.js';
import { type Finding, fail, said, textOf } from '../tools/doctor/words.js';
import { awayFolders } from './away-folders.js';
import { print, printJson } from './console.js';
import { placesAway, refuseUnfit } from './state.js';

export async function doctor(invocation: Invocation): Promise<number> {
  const counts = { ok: 0, warn: 0, fail: 0 };
  const { json, verbose } = invocation.view;
  const show = (finding: Finding): void => {
    counts[finding.level]++;
    if (json) printJson(finding);
    else if (verbose || finding.level !== 'ok') print(safeText(textOf(finding)));
  };
  const lack = lackHere();
  if (lack) show(said('system', lack.message));
  else if (await isAlive(invocation, show)) {
    const config = configOrShown(invocation, show);
    if (config) await examine(config, show);
    // A fault is named once: a place that fails is refused by a start as well.
    if (config && counts.fail === 0) await showRefusal(config, show);
  }
  const ok = `${counts.ok} ok${verbose || counts.ok === 0 ? '' : ' (--verbose lists them)'}`;
  if (!json) print(`${ok}, ${counts.warn} to know, ${counts.fail} to mend before the first file`);
  return counts.fail > 0 ? EXIT.environment : EXIT.done;
}

async function showRefusal({ feeds, service }: Config, show: (finding: Finding) => void): Promise<void> {
  try {
    await refuseUnfit(feeds, service.statePath);
    for (const { place, message, remedy } of await placesAway(feeds, service.statePath))
      show({ ...said(place, message), ...(remedy && { remedy }) });
  } catch (error) {
    const known = asOperatorError(error);
    if (!known) throw error;
    show(said('state', known.message));
  }
}

/** False where a folder lies on a dead filesystem: whoever touched it could hang. */
async function isAlive(invocation: Invocation, show: (finding: Finding) => void): Promise<boolean> {
  try {
    await awayFolders(invocation, false);
    return true;
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    show(said('folders', error.message));
    return false;
  }
}

/** Shows everything that a start would refuse: each missing folder, not only the first. */
function configOrShown(invocation: Invocation, show: (finding: Finding) => void): Config | undefined {
  let isShown = false;
  for (const { name, values } of invocation.feeds) {
    for (const option of ['input', 'warehouse', 'manifests'] as const) {
      const given = values[option];
      if (given === undefined) continue; // wrong usage: shown below
      try {
        realDirectory(invocation.origin(option, name), given);
      } catch (error) {
        if (!(error instanceof EnvironmentError)) throw error;
        isShown = true;
        show(error.code === 'directory_missing' ? missing(option, resolve(given)) : said(option, error.message));
      }
    }
  }
  if (isShown) missingWork(invocation).forEach(show);
  try {
    return configOf(invocation, process.env);
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    if (error.exitCode === EXIT.usage && error.code !== 'folders_overlap') throw error;
    if (!isShown) show(said('options', error.message));
    return undefined;
  }
}

const missing = (option: 'input' | 'warehouse' | 'manifests', path: string): Finding =>
  fail(
    option,
    `${path} does not exist`,
    `mount it or put it back where it had files, else run: ${makes(option, path)}`,
  );

/** The work directories that a start cannot make, so that one round of commands makes everything. */
function missingWork({ feeds }: Invocation): Finding[] {
  const named = feeds.flatMap(({ values }) => values['work-dir'] ?? []).map((given) => resolve(given));
  return named
    .filter((path) => !isThere(path) && !canWrite(dirname(path)))
    .map((path) => fail('work directory', `${path} does not exist`, `run: ${makes('work', path)}`));
}

function canWrite(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
