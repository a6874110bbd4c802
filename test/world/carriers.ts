/**
 * Which job carries a content, which jobs wait for it, and which are its duplicates: rules for the rows that are valid
 * at every moment, whatever was interrupted.
 */
import assert from 'node:assert/strict';
import type { Backend } from '../../queue/backend.js';
import { STAGE_NAMES } from '../../src/base/config/values/stage-names.js';
import { type ContentState, hasEnded } from '../../src/ingest/ledger/content.js';
import type { JobFacts } from '../../src/ingest/rules/facts.js';
import type { World } from './world.js';

export interface CarrierJob {
  id: string;
  stage: string;
  state: string;
  waits_on: string | null;
  hold_code: string | null;
  payload: string;
}
interface ContentRow {
  row: number;
  state: ContentState;
  carrier: string;
}

const AFTER_ANSWER: readonly string[] = STAGE_NAMES.slice(STAGE_NAMES.indexOf('hash') + 1);
/** The ledger answers at the end of `hash`. In each later stage a job carries its content, until its end is decided. */
export const isCarryingStage = (stage: string): boolean => AFTER_ANSWER.includes(stage);

export const jobsOf = (backend: Backend): CarrierJob[] =>
  backend.read((r) => r.all<CarrierJob>('SELECT * FROM jobs ORDER BY seq'));

/** Valid at every moment, whatever was interrupted. */
export function assertCarriers(backend: Backend): void {
  const { all, contents, wakes } = backend.read((r) => ({
    all: r.all<CarrierJob>('SELECT * FROM jobs'),
    contents: r.all<ContentRow>('SELECT row, state, carrier FROM contents'),
    wakes: new Set(r.all<{ target: string }>('SELECT target FROM wakes').map(({ target }) => target)),
  }));
  const byId = new Map(all.map((job) => [job.id, job]));
  for (const { row, state, carrier } of contents.filter((content) => !hasEnded(content))) {
    const job = byId.get(carrier);
    assert.ok(job && job.state !== 'done', `the content ${row} is ${state}, and its carrier ${carrier} has gone`);
    assert.notEqual(job.state, 'waiting', `the carrier of ${row} waits`);
    const facts = JSON.parse(job.payload) as JobFacts;
    assert.deepEqual([facts.content, facts.putAway], [row, undefined]);
  }
  for (const job of all.filter(({ state }) => state === 'waiting')) {
    const row = Number(job.waits_on!.slice('content:'.length));
    const content = contents.find((one) => one.row === row);
    assert.ok(content, `${job.id} waits for a content that is not there`);
    assert.ok(!hasEnded(content) || wakes.has(job.waits_on!), `${job.id} waits for what is stored`);
  }
  for (const { id, payload } of all) {
    const { putAway, content } = JSON.parse(payload) as JobFacts;
    if (putAway?.kind !== 'duplicate') continue;
    const of = contents.find(({ row }) => row === content);
    assert.ok(of && hasEnded(of), `${id} is a duplicate of nothing stored`);
  }
  const carrying = all.filter(({ state, stage, payload }) => {
    const facts = JSON.parse(payload) as JobFacts;
    return state !== 'done' && isCarryingStage(stage) && !facts.putAway;
  });
  for (const { id, payload } of carrying) {
    const { content } = JSON.parse(payload) as JobFacts;
    assert.equal(contents.find(({ row }) => row === content)?.carrier, id, `${id} is a second carrier of ${content}`);
  }
}

/** Contents of which every copy was given up: only these may be stored nowhere. */
export function givenUp(world: World): string[] {
  const failed = world.failed().map(({ sha256 }) => sha256);
  const count = (all: readonly string[], digest: string) => all.filter((one) => one === digest).length;
  const dropped = world.dropped.map(({ sha256 }) => sha256);
  return [...new Set(failed)].filter((digest) => count(failed, digest) === count(dropped, digest));
}
