/** Draws a look at the state: what is wrong, and the tables. */
import { $, element, list, ofFeed, setText, setTexts } from './dom.js';
import { between, bytes, count, counted, moment, name } from './words.js';

/** The rows of a table, and where there is none the words that say so. */
export function table(id, items, keyOf, cells, more) {
  rows(id, items, keyOf, cells, more);
  $(id).hidden = items.length === 0;
  $(`${id}-none`).hidden = items.length > 0;
}

/** `cells(item)` answers [text, class] for each column; `more(item)` further elements of a row, made once. */
function rows(id, items, keyOf, cells, more = () => []) {
  const make = (item) => {
    const columns = cells(item).map(([, className = '']) => element('td', { className }));
    return element('tr', {}, ...columns, ...more(item));
  };
  const show = (tr, item) =>
    setTexts(
      tr.cells,
      cells(item).map(([text]) => text),
    );
  list($(id).tBodies[0], items, keyOf, make, show);
}

const path = ({ feed, path: text }, many) => (many ? `${name(feed)}: ${name(text)}` : name(text));

export function drawFindings(look, feed) {
  const found = look.findings.filter(ofFeed(feed));
  const stuck = found.filter(({ severity }) => severity === 'stuck').length;
  const notices = found.length - stuck;
  const words = [
    ...(stuck > 0 ? [`${stuck} ${stuck === 1 ? 'thing keeps' : 'things keep'} files from going on`] : []),
    ...(notices > 0 ? [`${notices} worth knowing`] : []),
  ];
  setText($('wrong-summary'), words.length === 0 ? 'Nothing is wrong.' : `${words.join(', ')}.`);
  $('wrong-summary').className = stuck > 0 ? 'stuck' : notices > 0 ? 'notice' : 'good';
  const key = ({ code, feed: of, stage, what = '', sentence }) =>
    [code, of, stage, what, code.startsWith('process') ? sentence.replace(/\d+ s\b/, '') : ''].join('\0');
  const parts = () => [element('strong'), ' ', element('span'), ' ', element('span', { className: 'release' })];
  list(
    $('findings'),
    found,
    key,
    () => element('li', {}, ...parts()),
    (item, { severity, sentence, release, since }) => {
      item.className = severity;
      const when = since === null ? '' : ` Since ${moment(since)} (${between(since, look.at)}).`;
      const what = release === '' ? '' : `What to do: ${release}.`.replace('..', '.');
      setTexts(item.children, [severity === 'stuck' ? 'Stuck:' : 'Notice:', name(sentence), name(`${what}${when}`)]);
    },
  );
}

export function drawTables(look, feed) {
  const many = look.feeds.length > 1;
  const byId = ({ id }) => id;
  table('moving', look.in_flight.filter(ofFeed(feed)), byId, (job) => [
    [path(job, many), 'path'],
    [job.in_hand ? job.stage : `${job.stage}, claimed`],
    [progress(job), 'number'],
    [between(job.since, look.at)],
  ]);
  table(
    'last',
    look.last.filter(ofFeed(feed)),
    ({ id, state }) => id + state,
    (job) => [[path(job, many), 'path'], [ending(job)], [bytes(job.bytes), 'number'], [moment(job.since)]],
  );
  table(
    'workers',
    look.workers,
    ({ owner }) => owner,
    (one) => [
      [name(one.title)],
      [String(one.pid), 'number'],
      [one.quiet_seconds > 3 ? `${one.condition}, quiet for ${one.quiet_seconds} s` : one.condition],
      [one.job ?? one.place],
    ],
  );
  plain('retrying', look.retrying.filter(ofFeed(feed)), ({ feed: of, stage, reason, files, first }) => {
    const which = files === 1 ? name(first) : `${count(files)} files, the first ${name(first)}`;
    return `${stage} of ${name(of)}: ${name(reason)} (${which})`;
  });
  plain('gates', look.gates.filter(ofFeed(feed)), ({ feed: of, stage, cause, place, code, reason, since }) => {
    const where = `${stage === '*' ? 'every stage' : stage} of ${of === '*' ? 'every feed' : name(of)}`;
    const why = cause === 'pause' ? 'paused' : place === 'process' ? code : `${code} at the ${place}`;
    return `${where}: ${why}, ${name(reason)}, since ${moment(since)}`;
  });
  plain('feeds', look.feeds, ({ name: of, input, warehouse, mode }) => {
    return `${name(of)}: ${name(input)} → ${name(warehouse)} (${mode})`;
  });
}

/** `stored: 1,000 records, 10 rejected, 3 outputs` */
function ending({ state, processed }) {
  if (processed === null) return state;
  const { rows: records, rejected, outputs } = processed;
  const parts = [counted(records, 'record'), ...(rejected > 0 ? [`${count(rejected)} rejected`] : [])];
  return `${state}: ${[...parts, counted(outputs, 'output')].join(', ')}`;
}

/** The outputs of the files that a search has found. */
export function drawMade(files) {
  const outputs = files.flatMap((file) => file.outputs.map((output) => ({ file, output })));
  const cells = ({ file, output }) => [
    [files.length > 1 ? `${name(file.path)}: ${name(output.tag)}` : name(output.tag)],
    [count(output.rows), 'number'],
    [bytes(output.size), 'number'],
    [output.warehouse_path === null ? 'not planned yet' : name(output.warehouse_path), 'path'],
  ];
  rows('made', outputs, ({ file, output }) => `${file.feed}\0${file.path}\0${output.sha256}\0${output.tag}`, cells);
  $('made-region').hidden = outputs.length === 0;
}

const progress = ({ bytes: size, bytes_done: done }) =>
  done === null || size === 0 ? bytes(size) : `${Math.floor((100 * done) / size)} % of ${bytes(size)}`;

function plain(id, items, words) {
  list(
    $(id),
    items,
    words,
    () => element('li'),
    (item, one) => setText(item, words(one)),
  );
  $(`${id}-none`).hidden = items.length > 0;
}

/** Some reasons say already what to do. */
const why = ({ code, reason, hint }) => `${code}: ${name(reason)}.${reason.includes('ingest-ctl') ? '' : ` ${hint}`}`;

/** `act(verb, job)` is called for the buttons of a row. */
export function drawHeld(jobs, look, feed, act) {
  const many = look.feeds.length > 1;
  const total = look.stages.filter(ofFeed(feed)).reduce((sum, { held }) => sum + held, 0);
  setText($('held-count'), total === 0 ? '' : `(${count(total)})`);
  $('held-tools').hidden = total === 0;
  const button = (verb, words) => (job) => {
    const made = element('button', {
      type: 'button',
      text: words,
      className: verb === 'discard' ? 'danger' : '',
      ariaLabel: `${verb} ${name(job.path)}`,
    });
    made.addEventListener('click', () => act(verb, job));
    return made;
  };
  const acts = (job) => [
    element('td', { className: 'acts' }, button('retry', 'Retry')(job), button('discard', 'Discard…')(job)),
  ];
  table(
    'held',
    jobs,
    ({ id }) => id,
    (job) => [[path(job, many), 'path'], [job.stage], [why(job), 'why'], [moment(job.since)]],
    acts,
  );
}
