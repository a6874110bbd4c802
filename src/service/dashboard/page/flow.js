/** The flow from the inputs to the warehouse: what is known in each stage, how old and how fast, and a button for each. */
import { button, buttons, change, onlyThat, sureToPause } from './ground/acts.js';
import { $, element, list, ofFeed, setText, setTexts } from './ground/dom.js';
import { bytes, count, counted, moment, name, seconds } from './ground/words.js';

/** The cells of the flow, each summed over the chosen feeds. */
function flowOf(snapshot, feed) {
  const stages = snapshot.stages.filter(ofFeed(feed));
  const order = snapshot.order.filter((stage) => stages.some((one) => one.stage === stage));
  const ended = (how) => snapshot.totals.filter((one) => ofFeed(feed)(one) && one.name === how);
  const total = (how) => sums(ended(how), 'files', 'bytes');
  const cells = order.map((stage) => {
    const its = stages.filter((one) => one.stage === stage);
    const states = sums(its, 'ready', 'deferred', 'claimed', 'waiting', 'held');
    return {
      ...states,
      ...sums(its, 'bytes', 'in_progress', 'files_per_second'),
      stage,
      files: Object.values(states).reduce((sum, files) => sum + files, 0),
      age: Math.max(0, ...its.map((one) => one.oldest_age_seconds)),
      feed,
      names: snapshot.feeds.map((one) => one.name),
      closed: closedBy(snapshot.gates, feed, stage),
      records: recordsIn(snapshot, feed, stage),
    };
  });
  const feeds = snapshot.feeds.filter(({ name: of }) => feed === '*' || of === feed);
  const stored = total('stored');
  const ends = { stored, duplicate: total('duplicate'), discarded: total('discarded'), withdrawn: total('withdrawn') };
  return {
    cells,
    feeds,
    ends,
    rate: snapshot.throughput.find((one) => one.feed === feed)?.files_per_second ?? 0,
    isBlind: snapshot.findings.some(({ code }) => BLIND.has(code)),
  };
}

/** The sum of each of these fields. */
const sums = (items, ...fields) =>
  Object.fromEntries(fields.map((field) => [field, items.reduce((sum, one) => sum + one[field], 0)]));

/** The records of the chains of the chosen feeds; undefined for another stage. */
function recordsIn(snapshot, feed, stage) {
  if (stage !== 'process') return undefined;
  return sums(snapshot.records.filter(ofFeed(feed)), 'records', 'rejected', 'records_per_second');
}

/** Findings which say that nobody notices new files: then the input's count is older than the rest. */
const BLIND = new Set(['nobody', 'no_producer']);

/**
 * The gate that closes a stage of the chosen feeds: the widest pause, where there are several. `shown`: those that the cell shows,
 * one of all feeds or one each feed.
 */
function closedBy(gates, feed, stage) {
  const here = gates.filter((gate) => ofFeed(feed)(gate) && (gate.stage === stage || gate.stage === '*'));
  const width = (gate) => (gate.stage === '*' ? 2 : 0) + (gate.feed === '*' ? 1 : 0);
  const pauses = here.filter(({ cause }) => cause === 'pause').sort((a, b) => width(b) - width(a));
  if (pauses.length === 0) return here[0];
  const isFirst = (gate, n) => pauses.findIndex((other) => other.feed === gate.feed) === n;
  const shown = pauses[0].feed === '*' ? pauses.slice(0, 1) : pauses.filter(isFirst);
  return { ...pauses[0], shown };
}

/**
 * The act of a stage's button: it pauses the stage for the chosen feeds, or resumes the pauses that the cell shows, and no other
 * one. A pause is resumed as widely as it was made: to open one stage of a pause of everything would leave it closed.
 */
function actOf({ stage, closed, feed, names }) {
  if (closed?.cause !== 'pause')
    return { verb: 'pause', bodies: [{ stage, feed }], question: questionOf(stage, feed, names) };
  return { verb: 'resume', bodies: closed.shown.map(onlyThat) };
}

/** One press may stop more than the one feed that somebody had in mind. */
const questionOf = (stage, feed, names) => ({
  title: `Pause ${stage} of ${feed === '*' ? 'every feed' : `feed ${name(feed)}`}?`,
  words: `No file of ${feed === '*' ? names.map(name).join(', ') : name(feed)} goes through ${stage} meanwhile; what is under way there is finished.${feed === '*' && names.length > 1 ? ' To pause it for one of them, choose the feed above first.' : ''}`,
  yes: 'Pause',
  no: 'Leave it open',
});

/** A pause may reach further than the one feed that is looked at, and is resumed as widely. */
const scopeOf = (closed, chosen) => (closed?.feed === '*' && chosen !== '*' ? ' for every feed' : '');

/** How a pause is written. */
function pausedText(closed, chosen) {
  const { stage, feed, until, shown } = closed;
  const end = until === null ? '' : ` until ${moment(until)}`;
  if (feed === '*' || chosen !== '*')
    return `paused${stage === '*' ? ' with every stage' : ''}${scopeOf(closed, chosen)}${end}`;
  if (shown.length > 1) return `paused in ${counted(shown.length, 'feed')}, one is ${name(feed)}`;
  return `paused${stage === '*' ? ' with every stage' : ''} in ${name(feed)}${end}`;
}

const LINES = ['figure', 'size', 'age', 'rate', 'more'];
const cellOf = (title) =>
  element('li', {}, element('h3', { text: title }), ...LINES.map((className) => element('p', { className })));
const showLines = (item, texts) => setTexts(item.querySelectorAll('p'), texts);

export function drawFlow(snapshot, feed) {
  const flow = flowOf(snapshot, feed);
  const items = [
    { key: 'input', show: (item) => showLines(item, inputCell(flow)) },
    ...flow.cells.map((one) => ({ key: one.stage, one, show: (item) => showStage(item, one) })),
    { key: 'warehouse', show: (item) => showLines(item, warehouseCell(flow)) },
  ];
  list(
    $('flow'),
    items,
    ({ key }) => key,
    ({ key, one }) => (one === undefined ? cellOf(key) : stageCell(key)),
    (item, { show }) => show(item),
  );
}

function inputCell({ cells, feeds, isBlind }) {
  const { files = 0, bytes: size = 0 } = cells[0] ?? {};
  const where = feeds.length === 1 ? name(feeds[0].input) : `${count(feeds.length)} inputs`;
  return [`${count(files)} unprocessed`, bytes(size), isBlind ? 'new ones are not noticed' : '', '', where];
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

function stageCell(stage) {
  const item = cellOf(stage);
  const press = async (pressed) => {
    const { verb, bodies, question } = item.asked;
    const more = verb === 'pause' ? await sureToPause(question) : {};
    if (more === undefined) return;
    const asked = bodies.map((body) => ({ ...body, ...more }));
    await change(pressed, verb, verb === 'pause' ? 'Pausing' : 'Resuming', ...asked);
  };
  item.append(buttons(button('', press)));
  return item;
}

function showStage(item, one) {
  const { stage, closed, records, in_progress: inProgress } = one;
  const parts = [
    ...(records?.records > 0 ? [counted(records.records, 'record')] : []),
    ...(records?.rejected > 0 ? [`${count(records.rejected)} rejected`] : []),
    ...(inProgress > 0 ? [`${count(inProgress)} in progress`] : []),
    ...(one.claimed > inProgress ? [`${count(one.claimed - inProgress)} claimed`] : []),
    ...(one.deferred > 0 ? [`${count(one.deferred)} not due yet`] : []),
    ...(one.held > 0 ? [`${count(one.held)} held`] : []),
  ];
  const isPaused = closed?.cause === 'pause';
  showLines(item, [
    `${count(one.files)} ${one.files === 1 ? 'file' : 'files'}`,
    bytes(one.bytes),
    one.files === 0 ? 'none waits' : `oldest ${seconds(one.age)}`,
    `${one.files_per_second.toFixed(1)} files/s${records === undefined ? '' : `, ${count(Math.round(records.records_per_second))} records/s`}`,
    closed === undefined ? parts.join(', ') : isPaused ? pausedText(closed, one.feed) : `closed: ${name(closed.code)}`,
  ]);
  // As the findings are: a pause is a notice until a file waits for it.
  const isStuck = one.held > 0 || (closed !== undefined && (!isPaused || one.files > 0));
  item.className = isStuck ? 'stuck' : isPaused ? 'notice' : '';
  item.asked = actOf(one);
  const pressed = item.querySelector('button');
  const words = isPaused ? 'Resume' : 'Pause';
  const scope = isPaused ? scopeOf(closed, one.feed) : '';
  setText(pressed, !isPaused ? 'Pause…' : `${closed.stage === '*' ? 'Resume all' : words}${scope}`);
  pressed.setAttribute('aria-label', `${words} ${isPaused && closed.stage === '*' ? 'all stages' : stage}${scope}`);
}
