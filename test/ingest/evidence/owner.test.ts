/** The owner of a file at a path that several lines name, and the lines that a state knows. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { type InState, knowsCorrection, knowsLine } from '../../../src/ingest/evidence/known-lines.js';
import type { Claimant } from '../../../src/ingest/evidence/names.js';
import { ownerOf } from '../../../src/ingest/evidence/owner.js';
import type { Content } from '../../../src/ingest/ledger/content.js';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
type Line = Claimant & { ingestId: string };
const line = (ingestId: string, text: string, generation = 1, takenBack = false): Line => ({
  ingestId,
  content: text,
  sha256: digest(text),
  generation,
  takenBack,
  hasLeft: false,
});
const owner = (claimants: Line[], text: string): string | undefined => ownerOf(claimants, digest(text))?.ingestId;

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

test('of different contents with these bytes the one owns it that got the name last, whether it stands or not', () => {
  const [first, last] = [
    { ...line('1', 'x'), hasLeft: true },
    { ...line('2', 'x', 1, true), content: 'y' },
  ];
  assert.equal(owner([first, last], 'x'), '2');
  assert.equal(owner([last, first], 'x'), '2');
  assert.equal(owner([first], 'x'), undefined);
});

test('where their order was lost, a line that stands owns it, whatever their generations', () => {
  const [standing, back] = [line('1', 'x'), { ...line('2', 'x', 2, true), content: 'y' }];
  assert.equal(owner([standing, back], 'x'), '1');
  assert.equal(owner([back, standing], 'x'), '1');
});

const content = (more: Partial<Content>): Content =>
  ({
    state: 'stored',
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

test('a pruned record knows the line of its hour', () => {
  const row = content({ state: 'pruned', ingestId: null, target: null });
  assert.equal(knowsLine(onDisk, inState({ row })), true);
  assert.equal(knowsLine({ ...onDisk, hour: 'another' }, inState({ row })), false);
});

test('a correction with an operator is known by a row that says withdrawn', () => {
  assert.equal(knowsCorrection(true, onDisk, inState({ row: content({ state: 'withdrawn' }) })), true);
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
