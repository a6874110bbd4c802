/**
 * The processes that should be running: each that was started as a service records itself, and how it ended. A run with `--once`
 * that comes to its end forgets earlier services and records that end: its user decides when work is done, and no process is
 * expected until the next start. Each start of a producer removes that record, so a start that fails is noticed.
 * Each producer also records the feeds of its configuration. Such a row counts only while its producer lives, so nobody has to remove it.
 * Guarantees: a row changes only when a process starts or ends, so an idle service writes nothing.
 */
import type { Backend, OwnerId } from '../../../queue/backend.js';
import { type QueueView, StateUnwritable } from '../../../queue/index.js';
import type { Role } from '../../base/process/protocol.js';

export const servicesModule = {
  name: 'services',
  migrations: [
    `
    CREATE TABLE services (
      owner INTEGER PRIMARY KEY,
      -- the title of the process: 'producer', or 'worker' with its stages
      title TEXT NOT NULL,
      -- wall clock
      started_ms INTEGER NOT NULL,
      -- NULL: it lives, or nobody has noticed its death
      ended TEXT CHECK (ended = 'stopped' OR ended = 'died'),
      ended_ms INTEGER,
      CHECK ((ended IS NULL) = (ended_ms IS NULL))
    ) STRICT;
    `,
    `
    CREATE TABLE served (
      feed TEXT NOT NULL,
      -- the producer that has it in its configuration
      owner INTEGER NOT NULL,
      PRIMARY KEY (feed, owner)
    ) STRICT, WITHOUT ROWID;
    `,
    // NULL: by a build of before
    'ALTER TABLE served ADD COLUMN input TEXT;',
  ],
} as const;

export interface Service {
  owner: OwnerId;
  title: string;
  startedMs: number;
  ended: 'stopped' | 'died' | null;
  endedMs: number | null;
}

export const PRODUCER = 'producer';
/** The title of the row that records the end of a run with `--once`. */
const ONCE = 'once';
export const DEATHS_EVERY_MS = 5_000;

/** The parts of the work that a process with that title does: `producer`, or its stages. */
export function partsOf(title: string): string[] {
  const [role, ...stages] = title.split(' ');
  return role === 'worker' ? stages : role === PRODUCER ? [PRODUCER] : [];
}

const ROLES: readonly string[] = ['producer', 'worker', 'dashboard', 'notifier'] satisfies Role[];

/** False for the title of a command: an operator who ends it by Ctrl-C misses nothing. */
export const isOfService = (title: string): boolean => ROLES.includes(title.split(' ')[0]!);

export const services = (view: Pick<QueueView, 'read'>): Service[] =>
  view.read((rows) =>
    rows.all<Service>(
      'SELECT owner, title, started_ms AS startedMs, ended, ended_ms AS endedMs FROM services WHERE title <> ? ORDER BY owner',
      ONCE,
    ),
  );

/** Whether the last run was one with `--once` that came to its end. */
export const hasEndedOnce = (view: Pick<QueueView, 'read'>): boolean =>
  view.read((rows) => rows.get('SELECT 1 FROM services WHERE title = ?', ONCE)) !== undefined;

/** A producer starts, whether its start succeeds or not. */
export async function forgetOnce(backend: Backend): Promise<void> {
  if (hasEndedOnce(backend)) await backend.transact((tx) => tx.run('DELETE FROM services WHERE title = ?', ONCE));
}

/** Records this process, in place of dead ones with the same title. */
export async function enterService(backend: Backend, title: string): Promise<void> {
  const dead = services(backend).filter((one) => one.title === title && !backend.isAlive(one.owner));
  await backend.transact((tx) => {
    for (const { owner } of dead) tx.run('DELETE FROM services WHERE owner = ?', owner);
    tx.run('INSERT INTO services VALUES (?, ?, ?, NULL, NULL)', backend.owner, title, tx.wallMs);
  });
}

/** A requested stop has come to its end. */
export const leaveService = (backend: Backend): Promise<void> => noteEnd(backend, [backend.owner], 'stopped');

/** A run with `--once` has come to its end. */
export async function forgetServices(backend: Backend): Promise<void> {
  const dead = services(backend).filter(({ owner }) => !backend.isAlive(owner));
  await backend.transact((tx) => {
    for (const { owner } of dead) tx.run('DELETE FROM services WHERE owner = ?', owner);
    tx.run("INSERT INTO services VALUES (?, ?, ?, 'stopped', ?)", backend.owner, ONCE, tx.wallMs, tx.wallMs);
  });
}

/** Records deaths that nobody has recorded yet. Living processes call it every `DEATHS_EVERY_MS`. */
export async function noteDeaths(backend: Backend): Promise<void> {
  const open = services(backend).filter(({ owner, ended }) => ended === null && !backend.isAlive(owner));
  const owners = open.map(({ owner }) => owner);
  if (owners.length > 0) await noteEnd(backend, owners, 'died');
}

const END = 'UPDATE services SET ended = ?, ended_ms = ? WHERE owner = ? AND ended IS NULL';

async function noteEnd(backend: Backend, owners: readonly OwnerId[], how: 'stopped' | 'died'): Promise<void> {
  try {
    await backend.transact((tx) => {
      for (const owner of owners) tx.run(END, how, tx.wallMs, owner);
    });
  } catch (error) {
    // A full disk must not keep a process from ending. The row is then left as after an unnoticed death.
    if (!(error instanceof StateUnwritable)) throw error;
  }
}

type Living = Pick<QueueView, 'read' | 'isAlive'>;

const servedBy = (view: Pick<QueueView, 'read'>): { feed: string; owner: OwnerId }[] =>
  view.read((rows) => rows.all('SELECT feed, owner FROM served'));

/** This producer has these feeds from now on, while it lives. Called before it records anything else of them. */
export async function enterServed(backend: Backend, feeds: readonly { name: string; input: string }[]): Promise<void> {
  const dead = servedBy(backend).filter(({ owner }) => !backend.isAlive(owner));
  await backend.transact((tx) => {
    for (const { owner } of dead) tx.run('DELETE FROM served WHERE owner = ?', owner);
    for (const { name, input } of feeds)
      tx.run('INSERT INTO served (feed, owner, input) VALUES (?, ?, ?)', name, backend.owner, input);
  });
}

/** The inputs that living producers watch for the feed, and the feeds for which they watch the input. */
export const inputsServed = (view: Living, { name, input }: { name: string; input: string }) =>
  view
    .read((rows) =>
      rows.all<{ feed: string; owner: OwnerId; path: string }>(
        'SELECT feed, owner, input AS path FROM served WHERE input IS NOT NULL AND (feed = ? OR input = ?)',
        name,
        input,
      ),
    )
    .filter(({ owner }) => view.isAlive(owner));

/** Whether a living producer has the feed. */
export const isServed = (view: Living, feed: string): boolean =>
  servedBy(view).some((one) => one.feed === feed && view.isAlive(one.owner));

/**
 * The feeds of this state that no living producer has, although producers run as a service. None, where a producer is still
 * starting, or runs with `--once`: it is there for its own feeds only, and for a while. None where no producer lives: then no
 * feed is served, which is a finding of its own.
 */
export function unservedFeeds(view: Living & Pick<QueueView, 'owners' | 'feeds'>): string[] {
  const producers = view.owners().filter(({ alive, title }) => alive && title === PRODUCER);
  const entered = services(view).map(({ owner }) => owner);
  if (producers.length === 0 || producers.some(({ owner }) => !entered.includes(owner))) return [];
  const served = new Set(servedBy(view).flatMap(({ feed, owner }) => (view.isAlive(owner) ? [feed] : [])));
  return view
    .feeds()
    .map(({ name }) => name)
    .filter((name) => !served.has(name));
}
