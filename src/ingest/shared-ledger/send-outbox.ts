/**
 * Sends the outbox to the shared ledger: what became of this host's contents.
 * Guarantees: sending twice has the effect of sending once, so several processes of a host may do it at the same time.
 */
import { randomUUID } from 'node:crypto';
import type { Backend } from '../../../queue/backend.js';
import type { Rows } from '../../fleet/connection.js';
import { noteCounter, sendHeld, sendPermitted, sendReleased, sendStored, sendWithdrawn } from '../../fleet/send.js';
import { holdsToSend, noteHoldSent } from '../outbox/claims.js';
import { noteSent, type OutboxEntry, unsent } from '../outbox/outbox.js';

const PAGE = 1_000;

/**
 * Sends until the outbox is empty. Returns how many contents another host has stored too. Errors: SharedError.
 */
export async function sendOutbox(backend: Backend, shared: Rows, host: string): Promise<number> {
  let conflicts = 0;
  for (;;) {
    const page = backend.read((reader) => unsent(reader, PAGE));
    if (page.length === 0) return conflicts;
    const last = page.at(-1)!.n;
    const stored = page.filter((one) => one.kind === 'stored');
    const others = await sendStored(
      shared,
      host,
      stored.map((one) => ({ ...one, claim: one.claim ?? randomUUID() })),
    );
    conflicts += others.length;
    await sendReleased(shared, host, page.filter(isReleased));
    await sendPermitted(
      shared,
      page.filter(({ kind }) => kind === 'permitted'),
    );
    await sendWithdrawn(
      shared,
      host,
      page.filter(({ kind }) => kind === 'withdrawn'),
    );
    await noteCounter(shared, host, last);
    await backend.transact((tx) => noteSent(tx, page[0]!.n, last));
  }
}

/** A content that was never sent as carried needs no release. */
const isReleased = (one: OutboxEntry): one is OutboxEntry & { kind: 'released'; claim: string } =>
  one.kind === 'released' && one.claim !== null;

/** Sends why a content is held: a host that waits for it can show the reason. */
export async function sendHolds(backend: Backend, shared: Rows, host: string): Promise<void> {
  for (;;) {
    const page = backend.read((reader) => holdsToSend(reader, PAGE));
    if (page.length === 0) return;
    const held = page.map((one) => ({ ...one, code: backend.job(one.carrier)?.holdCode ?? null }));
    await sendHeld(shared, host, held);
    await backend.transact((tx) => {
      for (const one of held) noteHoldSent(tx, one, one.code);
    });
  }
}
