/**
 * `ingest --dry-run`: waits the window, hashes, and says of each file what would become of it.
 * Guarantees: changes nothing at all: no rename, no line, no row, no marker, no state; works on read-only mounts, the
 * state's too. In memory is never a list of files.
 * Output: `VERDICT <tab> PATH <tab> REASON` a line, then the totals. Verdicts: store, duplicate, hold, wait, ignore, unread, gone.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config, FeedOptions } from '../base/config/options.js';
import { EXIT } from '../base/errors.js';
import { safeText, shownSeconds } from '../base/telemetry/safe.js';
import { Directories } from '../files/directories.js';
import { isInMountRoot } from '../files/mounts.js';
import { errnoOf } from '../files/place-error.js';
import { openRoot, statEntry } from '../ingest/files/feed-files.js';
import { stabilityMs } from '../ingest/rules/completion.js';
import { makeFilters } from '../ingest/rules/filters.js';
import { identityOf } from '../ingest/rules/identity.js';
import { refuseOtherState } from '../ingest/upkeep/roots.js';
import { type ByteName, bootMs, bytesOfName, clockEpoch, type Stat, shownName } from '../linux/index.js';
import { type Judge, judge, type Verdict } from '../tools/dry-run/judge.js';
import { DryNotes } from '../tools/dry-run/notes.js';
import { withElsewhere } from '../tools/explain/elsewhere.js';
import { linuxBackend } from '../watcher/backend/linux-backend.js';
import { Scan } from '../watcher/engine/scan.js';
import { print, printNote } from './console.js';
import { withStateCopy } from './state-copy.js';

/** A file that changed in so many windows is still being uploaded. */
const CHANGES_MAX = 3;
const SLICE_FILES = 1_000;
const SLICE_MS = 50;

type Report = (verdict: string, feed: FeedOptions, path: ByteName, reason: string) => void;

export async function dryRun(config: Config): Promise<number> {
  const totals = new Map<string, number>();
  const others = new Map<string, number>();
  const report: Report = (verdict, feed, path, reason) => {
    totals.set(verdict, (totals.get(verdict) ?? 0) + 1);
    const shown = config.feeds.length > 1 ? `${feed.name}:${shownName(path)}` : shownName(path);
    print(`${verdict}\t${safeText(shown)}\t${safeText(reason)}`);
  };
  const notes = new DryNotes();
  try {
    for (const feed of config.feeds) await note(feed, notes, report, others);
    waitNotes(config.feeds, notes);
    await sleepUntilFirstIsDue(notes, config.feeds);
    await withElsewhere(config.feeds[0]?.sharedLedger, (elsewhere) =>
      withStateCopy(config.service.statePath, (view) => {
        for (const feed of config.feeds) refuseOtherState(view?.uuid ?? '', config.service.statePath, feed);
        return judgeAll(config.feeds, { notes, view, elsewhere }, report);
      }),
    );
  } finally {
    notes.close();
  }
  const parts = [...totals].map(([verdict, files]) => `${files} ${verdict}`);
  for (const [kind, count] of others) parts.push(`${count} ${kind} (never opened)`);
  print(`total\t${[...totals.values()].reduce((sum, files) => sum + files, 0)} files\t${parts.join(', ') || 'none'}`);
  return totals.has('unread') ? EXIT.unfinished : EXIT.done;
}

/** First pass: what is there, and since when it is known unchanged. */
async function note(feed: FeedOptions, notes: DryNotes, report: Report, others: Map<string, number>): Promise<void> {
  const filters = makeFilters(feed);
  const root = new Directories(openRoot(feed.input));
  const boot = clockEpoch();
  const scan = new Scan(
    'asked',
    ['' as ByteName],
    {
      opened: () => {},
      failed: (path, error) => unread(path, error),
      target: (path) => path,
      enters: filters.enters,
      everything: false,
    },
    linuxBackend,
  );
  try {
    while (!scan.done) {
      for (const { path } of scan.slice({ fd: root.rootFd }, SLICE_FILES, SLICE_MS)) noteOne(path);
      await new Promise(setImmediate);
    }
    for (const [kind, count] of Object.entries(scan.counts.others)) others.set(kind, (others.get(kind) ?? 0) + count);
  } finally {
    scan.close();
    root.close();
  }

  function unread(path: ByteName, error: unknown): void {
    const code = errnoOf(error);
    if (code === undefined) throw error;
    report('unread', feed, path, `it cannot be looked at (${code}), and nothing below it`);
  }

  function statOf(path: ByteName): Stat | undefined {
    try {
      return statEntry(root.entry(path));
    } catch (error) {
      unread(path, error);
      return undefined;
    }
  }

  function noteOne(path: ByteName): void {
    const stat = statOf(path);
    if (!stat) return;
    const ignored = filters.whyNot(path, stat, () => isInMountRoot(root.entry(path)));
    if (ignored) report('ignore', feed, path, `${ignored.sentence}; ${ignored.release}`);
    else
      notes.add(feed.name, bytesOfName(path), {
        identity: identityOf(stat),
        sinceMs: bootMs(),
        boot,
        by: 'scan',
      });
  }
}

/** Second pass, in the same order: each when its window has ended; one that changed meanwhile comes again, last. */
async function judgeAll(
  feeds: FeedOptions[],
  { notes, ...by }: Pick<Judge, 'notes' | 'view' | 'elsewhere'>,
  report: Report,
): Promise<void> {
  const inputs = new Map(feeds.map((feed) => [feed.name, new Directories(openRoot(feed.input))]));
  const boot = clockEpoch();
  const now = () => ({ ms: bootMs(), boot });
  try {
    for (let next = notes.after(0); next; next = notes.after(next.seq)) {
      const feed = feeds.find(({ name }) => name === next!.feed)!;
      const path = next.path.toString('latin1') as ByteName;
      if (next.seq % 100 === 0) await new Promise(setImmediate);
      const answer = await judgeSafely(path, next.seen, { ...by, feed, input: inputs.get(feed.name)!, notes, now });
      if (!('again' in answer)) report(answer.verdict, feed, path, answer.reason);
      else if (next.changes + 1 >= CHANGES_MAX) report('wait', feed, path, 'it keeps changing');
      else notes.add(feed.name, next.path, answer.again, next.changes + 1);
    }
  } finally {
    for (const input of inputs.values()) input.close();
  }
}

async function judgeSafely(...[path, seen, by]: Parameters<typeof judge>): Promise<Exclude<Verdict, { inMs: number }>> {
  try {
    let answer = await judge(path, seen, by);
    while ('inMs' in answer) {
      await sleep(answer.inMs);
      answer = await judge(path, seen, by);
    }
    return answer;
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === undefined) throw error;
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(code)) return { verdict: 'gone', reason: 'it was there a moment ago' };
    return { verdict: 'wait', reason: `it cannot be read just now (${code})` };
  }
}

/** The state is read as late as possible: what is stored meanwhile counts. */
async function sleepUntilFirstIsDue(notes: DryNotes, feeds: FeedOptions[]): Promise<void> {
  const first = notes.after(0);
  const feed = feeds.find(({ name }) => name === first?.feed);
  if (!first || !feed) return;
  await sleep(Math.max(0, first.seen.sinceMs + stabilityMs(feed) - bootMs()));
}

function waitNotes(feeds: FeedOptions[], notes: DryNotes): void {
  const longestMs = Math.max(...feeds.map(stabilityMs));
  if (process.stderr.isTTY && longestMs > 0 && notes.after(0))
    printNote(`waiting ${shownSeconds(longestMs / 1000)}: a file is complete when it has not changed for so long`);
}
