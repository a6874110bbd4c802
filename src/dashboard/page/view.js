/** Draws a look at the state: what is wrong, and the tables. */
import { $, element, list, ofFeed, setText, setTexts } from './dom.js';
import { between, bytes, count, moment, name } from './words.js';

/** A table row whose cells hold text; `cells(item)` answers [text, class] for each. */
function row(cells, ...more) {
  return (first) => {
    const columns = cells(first).map(([, className = '']) => element('td', { className }));
    const tr = element('tr', {}, ...columns, ...more.map((make) => make(first)));
    tr.show = (item) =>
      setTexts(
        columns,
        cells(item).map(([text]) => text),
      );
    return tr;
  };
}

function table(id, items, keyOf, make) {
  list($(id).tBodies[0], items, keyOf, make);
  $(id).hidden = items.length === 0;
  $(`${id}-none`).hidden = items.length > 0;
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
  const key = ({ code, feed: of, stage, sentence }) =>
    [code, of, stage, code.startsWith('process') ? sentence.replace(/\d+ s\b/, '') : ''].join('\0');
  list($('findings'), found, key, () => {
    const [badge, sentence, release] = [element('strong'), element('span'), element('span', { className: 'release' })];
    const item = element('li', {}, badge, ' ', sentence, ' ', release);
    item.show = ({ severity, sentence: text, release: what, since }) => {
      item.className = severity;
      setText(badge, severity === 'stuck' ? 'Stuck:' : 'Notice:');
      setText(sentence, name(text));
      const when = since === null ? '' : ` Since ${moment(since)} (${between(since, item.at)}).`;
      setText(release, name(`${what === '' ? '' : `What to do: ${what}.`.replace('..', '.')}${when}`));
    };
    Object.defineProperty(item, 'at', { get: () => document.body.dataset.at });
    return item;
  });
}

export function drawTables(look, feed) {
  const many = look.feeds.length > 1;
  const byId = ({ id }) => id;
  table(
    'moving',
    look.in_flight.filter(ofFeed(feed)),
    byId,
    row((job) => [[path(job, many), 'path'], [job.stage], [progress(job), 'number'], [between(job.since, look.at)]]),
  );
  table(
    'last',
    look.last.filter(ofFeed(feed)),
    ({ id, state }) => id + state,
    row((job) => [[path(job, many), 'path'], [job.state], [bytes(job.bytes), 'number'], [moment(job.since)]]),
  );
  table(
    'workers',
    look.workers,
    ({ owner }) => owner,
    row((one) => [
      [name(one.title)],
      [String(one.pid), 'number'],
      [one.quiet_seconds > 3 ? `${one.condition}, quiet for ${one.quiet_seconds} s` : one.condition],
      [one.job ?? one.place],
    ]),
  );
  plain('retrying', look.retrying.filter(ofFeed(feed)), ({ feed: of, stage, reason, files, first }) => {
    const which = files === 1 ? name(first) : `${count(files)} files, the first ${name(first)}`;
    return `${stage} of ${name(of)}: ${name(reason)} (${which})`;
  });
  plain('gates', look.gates.filter(ofFeed(feed)), ({ feed: of, stage, cause, place, code, reason, since }) => {
    const where = `${stage === '*' ? 'every stage' : stage} of ${of === '*' ? 'every feed' : name(of)}`;
    const why = cause === 'pause' ? 'paused' : `${code} at the ${place}`;
    return `${where}: ${why}, ${name(reason)}, since ${moment(since)}`;
  });
  plain('feeds', look.feeds, ({ name: of, input, warehouse, mode }) => {
    return `${name(of)}: ${name(input)} → ${name(warehouse)} (${mode})`;
  });
}

const progress = ({ bytes: size, bytes_done: done }) =>
  done === null || size === 0 ? bytes(size) : `${Math.floor((100 * done) / size)} % of ${bytes(size)}`;

function plain(id, items, words) {
  list($(id), items, words, () => {
    const item = element('li');
    item.show = (one) => setText(item, words(one));
    return item;
  });
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
  const acts = (job) =>
    element('td', { className: 'acts' }, button('retry', 'Retry')(job), button('discard', 'Discard…')(job));
  table(
    'held',
    jobs,
    ({ id }) => id,
    row((job) => [[path(job, many), 'path'], [job.stage], [why(job), 'why'], [moment(job.since)]], acts),
  );
}
