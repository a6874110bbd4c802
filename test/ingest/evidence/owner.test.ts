/** The owner of a file at a path that several lines name, and the lines that a state knows. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { type InState, knowsCorrection, knowsLine } from '../../../src/ingest/evidence/known-lines.js';
import { type Claimant, ownerOf } from '../../../src/ingest/evidence/owner.js';
import type { Content } from '../../../src/ingest/ledger/content.js';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
const line = (ingestId: string, text: string, generation = 1, takenBack = false): Claimant => ({
  ingestId,
  sha256: digest(text),
  generation,
  takenBack,
});
const owner = (claimants: Claimant[], text: string): string | undefined => ownerOf(claimants, digest(text))?.ingestId;

test('the file belongs to the line whose bytes it has, whichever was written last', () => {
  const claimants = [line('1', 'right'), line('2', 'wrong', 1, true), line('3', 'other')];
  assert.equal(owner(claimants, 'right'), '1');
  assert.equal(owner(claimants.toReversed(), 'right'), '1');
  assert.equal(owner(claimants, 'foreign'), undefined);
});

test('the highest of several generations with these bytes owns it, taken back or not', () => {
  assert.equal(owner([line('1', 'x', 1), line('2', 'x', 2)], 'x'), '2');
  assert.equal(owner([line('2', 'x', 2), line('1', 'x', 1)], 'x'), '2');
  assert.equal(owner([line('1', 'x', 1), line('2', 'x', 2, true)], 'x'), '2');
  assert.equal(owner([line('1', 'x', 1, true), line('2', 'x', 1)], 'x'), '2');
});

test('a line that was taken back owns its file also where a line of another content stands', () => {
  assert.equal(owner([line('1', 'x', 1, true)], 'x'), '1');
  assert.equal(owner([line('1', 'x', 1, true), line('2', 'y')], 'x'), '1');
});

const content = (more: Partial<Content>): Content =>
  ({
    state: 'stored',
    note: null,
    generation: 1,
    ingestId: 'A',
    target: Buffer.from('t'),
    hour: 'h',
    ...more,
  }) as Content;
const inState = (more: Partial<InState> = {}): InState => ({ row: undefined, job: 'none', corrected: false, ...more });
const onDisk = { ingestId: 'A', generation: 1, hour: 'h', again: false };

test('a line is known by the row of its generation with its own ingest id, never by its content alone', () => {
  assert.equal(knowsLine(onDisk, inState({ row: content({}) })), true);
  assert.equal(knowsLine(onDisk, inState({ row: content({ ingestId: 'B' }) })), false);
  assert.equal(knowsLine(onDisk, inState({ row: content({ target: null }) })), false);
  assert.equal(knowsLine(onDisk, inState()), false);
  assert.equal(knowsLine(onDisk, inState({ job: 'ended' })), true);
  assert.equal(knowsLine(onDisk, inState({ corrected: true })), true);
});

test('a pruned record knows the line of the first generation in its hour', () => {
  const row = content({ note: 'pruned', ingestId: null, target: null });
  assert.equal(knowsLine(onDisk, inState({ row })), true);
  assert.equal(knowsLine({ ...onDisk, hour: 'another' }, inState({ row })), false);
  assert.equal(knowsLine({ ...onDisk, generation: 2 }, inState({ row })), false);
});

test('a correction with an operator is known by a row that says withdrawn', () => {
  assert.equal(knowsCorrection(true, onDisk, inState({ row: content({ note: 'withdrawn' }) })), true);
  assert.equal(knowsCorrection(true, onDisk, inState({ row: content({}) })), false);
  assert.equal(knowsCorrection(true, onDisk, inState({ row: content({}), corrected: true })), true);
});

test('a correction without one is known by the end of its job, or where it is met again and nothing contradicts it', () => {
  assert.equal(knowsCorrection(false, onDisk, inState({ job: 'ended' })), true);
  assert.equal(knowsCorrection(false, onDisk, inState({ job: 'under_way' })), false);
  assert.equal(knowsCorrection(false, onDisk, inState()), false);
  assert.equal(knowsCorrection(false, { ...onDisk, again: true }, inState()), true);
  assert.equal(knowsCorrection(false, { ...onDisk, again: true }, inState({ row: content({}) })), false);
});
