/** Checks the kernel and the limits of this user: leases, inotify, descriptors, clocks. */
import { readdirSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import type { FeedOptions } from '../../base/config/options.js';
import { Directories } from '../../files/directories.js';
import { type EntryBelow, entriesBelow } from '../../files/entries-below.js';
import { errnoOf, unlessRefused } from '../../files/place-error.js';
import { openRoot } from '../../ingest/files/feed-files.js';
import { manifestFiles } from '../../ingest/manifest/read.js';
import { type ByteName, bootMs, descriptorsMax, Inotify } from '../../linux/index.js';
import { inotifyOf } from './inotify.js';
import { codeOf } from './probe.js';
import { type Finding, fail, ok, warn } from './words.js';

/** The bit of CAP_LEASE (linux/capability.h). */
const CAP_LEASE = 28n;
/** Descriptors: 128 open directories for each of a feed's roots (input, work directory, manifests, warehouse), and our own. */
const DESCRIPTORS_A_FEED = 512;
const DESCRIPTORS_OWN = 256;
const DIRECTORIES_COUNTED_MAX = 2_000_000;
const YEAR_MIN = 2024;
const HOUR_MS = 3_600_000;

export function checkKernel(): Finding[] {
  const enabled = setting('fs/leases-enable');
  const leases =
    enabled === 0
      ? warn(
          'leases',
          'the kernel has them switched off: each file is copied after a second window',
          'sysctl fs.leases-enable=1',
        )
      : ok(
          'leases',
          `switched on; a writer that meets a probe waits ${setting('fs/lease-break-time')} s at the very worst`,
        );
  const mayLease = ((BigInt(`0x${statusOf('CapEff')}`) >> CAP_LEASE) & 1n) === 1n;
  const others = mayLease
    ? ok('leases', 'this user may ask about the files of every owner')
    : warn(
        'leases',
        `this user (${process.geteuid?.()}) may only ask about its own files: those of other owners are copied after a second window`,
        'run as the uploading user, or give the service CAP_LEASE',
      );
  return [ok('kernel', `Linux ${release()}, Node ${process.versions.node}`), leases, others];
}

/** `processes`: the number of producers and workers. Each watches the doorbell file. */
export function* checkInotify(feeds: readonly FeedOptions[], processes: number): Generator<Finding> {
  const used = inotifyOf(pidsOfUser());
  const wanted = feeds.filter(({ poll }) => !poll);
  const directories = wanted.reduce((sum, feed) => sum + directoriesIn(feed), 0);
  const watches = directories + processes;
  const instances = wanted.length + processes;
  yield limitOf('inotify watches', 'fs/inotify/max_user_watches', watches, used.watches);
  yield limitOf('inotify instances', 'fs/inotify/max_user_instances', instances, used.instances);
  const queue = setting('fs/inotify/max_queued_events');
  yield ok('inotify queue', `${queue} events; when more wait, a scan finds what was lost`);
  const code = codeOf(() => new Inotify(() => {}).close());
  if (code !== undefined) {
    const what = `no instance is to be had (${code}): the input is scanned instead`;
    yield warn('inotify', what, 'raise fs.inotify.max_user_instances');
  }
}

function limitOf(about: string, name: string, needed: number, used: number): Finding {
  const limit = setting(name);
  const what = `${needed} needed and ${used} in use by this user, of ${limit}`;
  if (limit >= needed + used) return ok(about, what);
  const figure = 2 ** Math.ceil(Math.log2((needed + used) * 2));
  return warn(about, `${what}: the input is scanned instead`, `sysctl ${name.replaceAll('/', '.')}=${figure}`);
}

/** Counts the directories that need a watch. Hidden ones, and those that this user may not read, are not entered. */
function directoriesIn({ input, recursive }: FeedOptions): number {
  if (!recursive) return 1;
  const fd = unlessRefused(() => openRoot(input));
  if (fd === undefined) return 1; // A closed input was reported with its own finding.
  const root = new Directories(fd);
  let count = 1;
  const enters = ({ name }: EntryBelow): boolean => !name.startsWith('.');
  const failed = (_: ByteName, error: unknown): void => {
    if (errnoOf(error) === undefined) throw error;
  };
  try {
    for (const entry of entriesBelow(root, { enters, failed }))
      if (entry.stat.kind === 'directory' && enters(entry) && ++count >= DIRECTORIES_COUNTED_MAX) break;
    return count;
  } finally {
    root.close();
  }
}

/** All processes that live, and that this user may look into. */
const pidsOfUser = (): string[] =>
  readdirSync('/proc').filter((name) => /^\d+$/.test(name) && ownerOf(name) === process.geteuid?.());

const ownerOf = (pid: string): number | undefined =>
  unlessRefused(() => Number(/^Uid:\s+\d+\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]));

export function checkDescriptors(feeds: number): Finding {
  const needed = DESCRIPTORS_OWN + feeds * DESCRIPTORS_A_FEED;
  const most = descriptorsMax();
  const what = `up to ${needed} open files a process, of ${most === Number.POSITIVE_INFINITY ? 'unlimited' : most}`;
  if (most >= needed) return ok('descriptors', what);
  return warn('descriptors', what, `ulimit -n ${needed}, or LimitNOFILE=${needed} in the unit`);
}

/** Quiet windows use the boot clock. The wall clock is only used for folder names and in lines. */
export function checkClock(feeds: readonly FeedOptions[]): Finding[] {
  const now = new Date();
  const found = [
    now.getUTCFullYear() < YEAR_MIN
      ? fail('clock', `it says ${now.toISOString()}, which names the folders of a wrong day`, 'set it, by NTP')
      : ok('clock', `it says ${now.toISOString()}; windows run on the boot clock (${Math.round(bootMs() / 1000)} s)`),
  ];
  for (const { manifests } of feeds) {
    const hour = unlessRefused(() => newestHour(manifests));
    if (hour === undefined || Date.parse(hour) <= now.getTime() + 26 * HOUR_MS) continue;
    found.push(
      warn(
        'clock',
        `${manifests} has lines of ${hour}, which is yet to come`,
        'set the clock, by NTP; or leave it, if that is another time zone',
      ),
    );
  }
  return found;
}

function newestHour(manifests: string): string | undefined {
  for (const { hour } of manifestFiles(manifests, 'manifest')) {
    if (hour !== undefined) return `${hour.slice(0, 10).replaceAll('/', '-')}T${hour.slice(11)}:00:00Z`;
  }
  return undefined;
}

const setting = (name: string): number =>
  Number(unlessRefused(() => readFileSync(`/proc/sys/${name}`, 'utf8')) ?? Number.NaN);
const statusOf = (field: string): string =>
  new RegExp(`^${field}:\\s+(\\w+)`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
