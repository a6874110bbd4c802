/** Real folders of a feed, and orders for files that are dropped there. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { UNDERPROCESS, workName } from '../../../src/files/job-paths.js';
import type { Act, Answer, Order, ToSeal } from '../../../src/ingest/calls/order.js';
import { Running } from '../../../src/ingest/calls/run.js';
import { AT_FDCWD, type ByteName, bootMs, clockEpoch, nameOfText, statAt } from '../../../src/linux/index.js';
import type { Options } from '../../world/layout.js';
import { Bench } from '../stages/bench.js';

export const TEXT = 'some bytes\n';

export interface Grounds {
  bench: Bench;
  input(name: string): string;
  warehouse(name: string): string;
  /** Drops a file, seen at this moment. */
  drop(name: string, text?: string): ToSeal;
  order<A extends Act>(act: A, files: Order<A>['files']): Order<A>;
  run<A extends Act>(act: A, files: Order<A>['files']): Answer<A>[];
  seal(...files: ToSeal[]): Answer<'seal'>[];
  /** The path of the sealed file of a drop. */
  sealed(file: Pick<ToSeal, 'id' | 'path'>, part?: 'file' | 'sidecar'): string;
}

export async function grounds(t: TestContext, options: Options = {}): Promise<Grounds> {
  const bench = await Bench.open(options);
  t.after(() => bench.close());
  const { options: feed, roots } = bench.feed;
  const input = (name: string): string => join(roots.input, name);
  let dropped = 0;
  const drop = (name: string, text = TEXT): ToSeal => {
    mkdirSync(dirname(input(name)), { recursive: true });
    writeFileSync(input(name), text);
    const identity = statAt(AT_FDCWD, nameOfText(input(name))).version;
    const seen = { identity, sinceMs: Math.floor(bootMs()), boot: clockEpoch(), by: 'rename' as const };
    const id = `01ARZ3NDEKTSV4RRFFQ69G${String(dropped++).padStart(4, '0')}`;
    return { id, path: nameOfText(name), inside: '' as ByteName, seen, claimNo: 1 };
  };
  const order: Grounds['order'] = (act, files) => ({ act, roots, terms: { feed, boot: clockEpoch() }, files });
  const run: Grounds['run'] = (act, files) => {
    const running = new Running(order(act, files));
    while (!running.isDone) running.next();
    running.close();
    return running.answers;
  };
  return {
    bench,
    input,
    drop,
    order,
    run,
    warehouse: (name) => join(roots.warehouse, name),
    seal: (...files) => run('seal', files),
    sealed: ({ id, path }, part = 'file') => join(roots.work, UNDERPROCESS, workName(id, part, path)!),
  };
}
