/**
 * Who should be at work: processes that were started as a service note themselves, and how they ended. A run with `--once`
 * notes nothing; one that came to its end forgets the services before it, since whoever starts it decides when there is work.
 * Guarantees: a row changes at the start and at the end of a process alone, so an idle service writes nothing.
 */
import type { Backend, OwnerId } from '../../../queue/backend.js';
import { type QueueView, StateUnwritable } from '../../../queue/index.js';

export const servicesModule = {
  name: 'services',
  migrations: [
    `
    CREATE TABLE services (
      owner INTEGER PRIMARY KEY,
      -- of the process: 'producer', or 'worker' with its stages
      title TEXT NOT NULL,
      -- wall clock
      started_ms INTEGER NOT NULL,
      -- NULL: it lives, or nobody has noticed its death
      ended TEXT CHECK (ended = 'stopped' OR ended = 'died'),
      ended_ms INTEGER,
      CHECK ((ended IS NULL) = (ended_ms IS NULL))
    ) STRICT;
    `,
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
export const DEATHS_EVERY_MS = 5_000;

/** What a process of that title does of the work: `producer`, or its stages. */
export function partsOf(title: string): string[] {
  const [role, ...stages] = title.split(' ');
  return role === 'worker' ? stages : role === PRODUCER ? [PRODUCER] : [];
}

export const services = (view: Pick<QueueView, 'read'>): Service[] =>
  view.read((rows) =>
    rows.all<Service>(
      'SELECT owner, title, started_ms AS startedMs, ended, ended_ms AS endedMs FROM services ORDER BY owner',
    ),
  );

/** Takes the place of the dead of the same title. */
export async function enterService(backend: Backend, title: string): Promise<void> {
  const dead = services(backend).filter((one) => one.title === title && !backend.isAlive(one.owner));
  await backend.transact((tx) => {
    for (const { owner } of dead) tx.run('DELETE FROM services WHERE owner = ?', owner);
    tx.run('INSERT INTO services VALUES (?, ?, ?, NULL, NULL)', backend.owner, title, tx.wallMs);
  });
}

/** It was told to end, and has done what it had in hand. */
export const leaveService = (backend: Backend): Promise<void> => noteEnd(backend, [backend.owner], 'stopped');

/** A run with `--once` has come to its end. */
export async function forgetServices(backend: Backend): Promise<void> {
  const dead = services(backend).filter(({ owner }) => !backend.isAlive(owner));
  if (dead.length === 0) return;
  await backend.transact((tx) => {
    for (const { owner } of dead) tx.run('DELETE FROM services WHERE owner = ?', owner);
  });
}

/** Notes whose death nobody has noticed yet. Whoever lives asks it now and then (`DEATHS_EVERY_MS`). */
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
    // A full disk keeps nobody from ending; the rows then say what an unnoticed death says.
    if (!(error instanceof StateUnwritable)) throw error;
  }
}
