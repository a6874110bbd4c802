/** The feeds, files in progress, files that ended last, processes and feeds, and the outputs of a file that was looked up. */
import { $, element, list, ofFeed, setText, showEmpty } from './ground/dom.js';
import { fileCell, rows, table } from './ground/tables.js';
import { between, bytes, count, counted, moment, name, seconds } from './ground/words.js';

export function drawTables(snapshot, feed) {
  const byId = ({ id }) => id;
  table(
    'lines',
    snapshot.lines.filter(ofFeed(feed)),
    (one) => [one.feed, one.state].join('\0'),
    (one) => [
      [name(one.feed)],
      [one.state, `state ${one.state}`],
      [count(one.waiting), 'number'],
      [count(one.held), 'number'],
      [one.waiting + one.held === 0 ? '–' : seconds(one.oldest_age_seconds), 'number'],
      [bytes(one.bytes), 'number'],
      [one.files_per_second.toFixed(1), 'number'],
    ],
  );
  table('moving', snapshot.in_flight.filter(ofFeed(feed)), byId, (job) => [
    fileCell(job, snapshot),
    [job.in_progress ? job.stage : `${job.stage}, claimed`],
    [progress(job), 'number'],
    [between(job.since, snapshot.at)],
  ]);
  table(
    'last',
    snapshot.last.filter(ofFeed(feed)),
    ({ id, state }) => id + state,
    (job) => [fileCell(job, snapshot), [ending(job)], [bytes(job.bytes), 'number'], [moment(job.since)]],
  );
  table(
    'workers',
    snapshot.workers,
    ({ owner }) => owner,
    (one) => [
      [name(one.title)],
      [String(one.pid), 'number'],
      [one.quiet_seconds > 3 ? `${one.condition}, quiet for ${one.quiet_seconds} s` : one.condition],
      [one.job ?? one.place],
    ],
  );
  $('hosts-section').hidden = !snapshot.hosts;
  if (snapshot.hosts) drawHosts(snapshot.hosts);
  plain('feeds', snapshot.feeds, ({ name: of, input, warehouse, mode }) => {
    return `${name(of)}: ${name(input)} → ${name(warehouse)} (${mode})`;
  });
}

/** The hosts that share a ledger. One that gave no figures yet has none. */
function drawHosts({ ledger, hosts, findings }) {
  const number = (value = '–') => [String(value), 'number'];
  setText($('hosts-ledger'), name(ledger));
  setText($('hosts-wrong'), findings.map(({ sentence, release }) => `${sentence} ${release}.`).join(' '));
  table(
    'hosts',
    hosts,
    ({ host }) => host,
    (one) => [
      [name(one.host)],
      [one.condition],
      [`${seconds(one.silent_seconds)} ago`],
      ...[one.waiting, one.held, one.untold, one.conflicts].map(number),
    ],
  );
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
  showEmpty(id, items.length === 0);
}
