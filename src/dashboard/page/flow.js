/** The flow from the inputs to the warehouse: what is known in each stage, how old and how fast, and a button for each. */
import { $, element, list, ofFeed, setText, setTexts } from './dom.js';
import { bytes, count, name, seconds } from './words.js';

/** The cells of the flow: what is known in each, summed over the chosen feeds. */
function flowOf(look, feed) {
  const stages = look.stages.filter(ofFeed(feed));
  const order = [...new Set(look.stages.map(({ stage }) => stage))];
  const total = (...names) =>
    look.totals
      .filter((one) => ofFeed(feed)(one) && names.includes(one.name))
      .reduce((sum, { files, bytes: size }) => ({ files: sum.files + files, bytes: sum.bytes + size }), {
        files: 0,
        bytes: 0,
      });
  const cells = order.map((stage) => {
    const sum = { stage, files: 0, bytes: 0, held: 0, deferred: 0, claimed: 0, age: 0, rate: 0 };
    for (const one of stages.filter((other) => other.stage === stage)) {
      sum.files += one.ready + one.deferred + one.claimed + one.waiting + one.held;
      sum.bytes += one.bytes;
      sum.held += one.held;
      sum.claimed += one.claimed;
      sum.deferred += one.deferred;
      sum.age = Math.max(sum.age, one.oldest_age_seconds);
      sum.rate += one.files_per_second;
    }
    return { ...sum, closed: closedBy(look.gates, feed, stage) };
  });
  const feeds = look.feeds.filter(({ name: of }) => feed === '*' || of === feed);
  const stored = total('stored');
  const ends = { stored, duplicate: total('duplicate'), discarded: total('discarded') };
  return { cells, feeds, ends, rate: cells.at(-1)?.rate ?? 0 };
}

function closedBy(gates, feed, stage) {
  const here = gates.filter((gate) => ofFeed(feed)(gate) && (gate.stage === stage || gate.stage === '*'));
  return here.find(({ cause }) => cause === 'pause') ?? here[0];
}

const cell = (title) => {
  const lines = ['figure', 'size', 'age', 'rate', 'more'].map((className) => element('p', { className }));
  const item = element('li', {}, element('h3', { text: title }), ...lines);
  item.lines = (texts) => setTexts(lines, texts);
  return item;
};

/** `act(verb, stage)` is called for the buttons. */
export function drawFlow(look, feed, act) {
  const { cells, feeds, ends, rate } = flowOf(look, feed);
  const first = cells[0];
  const items = [
    { key: 'input', kind: 'input' },
    ...cells.map((one) => ({ key: one.stage, kind: 'stage', one })),
    { key: 'warehouse', kind: 'warehouse' },
  ];
  list(
    $('flow'),
    items,
    ({ key }) => key,
    ({ key, kind }) => {
      const item = cell(key);
      if (kind === 'input') {
        item.show = () =>
          item.lines([
            `${count(first?.files ?? 0)} unprocessed`,
            bytes(first?.bytes ?? 0),
            '',
            '',
            feeds.length === 1 ? name(feeds[0].input) : `${count(feeds.length)} inputs`,
          ]);
      } else if (kind === 'warehouse') {
        item.show = () =>
          item.lines([
            `${count(ends.stored.files)} stored`,
            bytes(ends.stored.bytes),
            `${count(ends.duplicate.files)} ${ends.duplicate.files === 1 ? 'duplicate' : 'duplicates'} (${bytes(ends.duplicate.bytes)})`,
            `${rate.toFixed(1)} files/s`,
            ends.discarded.files > 0 ? `${count(ends.discarded.files)} discarded` : '',
          ]);
      } else stageCell(item, act);
      return item;
    },
  );
}

function stageCell(item, act) {
  const button = element('button', { type: 'button' });
  button.addEventListener('click', () => act(button.dataset.verb, item.dataset.key));
  item.append(button);
  item.show = ({ one }) => {
    const { stage, closed } = one;
    const parts = [
      ...(one.claimed > 0 ? [`${count(one.claimed)} in work`] : []),
      ...(one.deferred > 0 ? [`${count(one.deferred)} not due`] : []),
      ...(one.held > 0 ? [`${count(one.held)} held`] : []),
    ];
    item.lines([
      `${count(one.files)} ${one.files === 1 ? 'file' : 'files'}`,
      bytes(one.bytes),
      one.age === 0 ? 'none waits' : `oldest ${seconds(one.age)}`,
      `${one.rate.toFixed(1)} files/s`,
      closed === undefined ? parts.join(', ') : closed.cause === 'pause' ? 'paused' : `closed: ${name(closed.code)}`,
    ]);
    item.className = closed !== undefined ? 'closed' : one.held > 0 ? 'held' : '';
    const verb = closed?.cause === 'pause' ? 'resume' : 'pause';
    button.dataset.verb = verb;
    setText(button, verb === 'pause' ? 'Pause' : 'Resume');
    button.setAttribute('aria-label', `${verb === 'pause' ? 'Pause' : 'Resume'} ${stage}`);
  };
}
