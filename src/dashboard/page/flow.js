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
  const ends = { stored, duplicate: total('duplicate'), discarded: total('discarded'), withdrawn: total('withdrawn') };
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
  const flow = flowOf(look, feed);
  const items = [
    { key: 'input', show: inputCell, flow },
    ...flow.cells.map((one) => ({ key: one.stage, one })),
    { key: 'warehouse', show: warehouseCell, flow },
  ];
  list(
    $('flow'),
    items,
    ({ key }) => key,
    ({ key, show }) => {
      const item = cell(key);
      if (show === undefined) stageCell(item, act);
      else item.show = (shown) => item.lines(show(shown.flow));
      return item;
    },
  );
}

function inputCell({ cells, feeds }) {
  const { files = 0, bytes: size = 0 } = cells[0] ?? {};
  const where = feeds.length === 1 ? name(feeds[0].input) : `${count(feeds.length)} inputs`;
  return [`${count(files)} unprocessed`, bytes(size), '', '', where];
}

function warehouseCell({ ends: { stored, duplicate, discarded, withdrawn }, rate }) {
  return [
    `${count(stored.files)} stored`,
    bytes(stored.bytes),
    `${count(duplicate.files)} ${duplicate.files === 1 ? 'duplicate' : 'duplicates'} (${bytes(duplicate.bytes)})`,
    `${rate.toFixed(1)} files/s`,
    [
      discarded.files > 0 ? `${count(discarded.files)} discarded` : '',
      withdrawn.files > 0 ? `${count(withdrawn.files)} withdrawn` : '',
    ]
      .filter((text) => text !== '')
      .join(', '),
  ];
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
