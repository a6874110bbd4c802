/**
 * One watcher in a process of its own. Arguments: the adapter's module, the root.
 * Says `ready` with a JSON of its start; then answers each line on its input: `begin` forgets what was told,
 * `count` says how many different paths were put since then, `report FILE` writes when each was put first.
 * Times are of the monotonic clock, which all processes share.
 */

const [adapter, root] = process.argv.slice(2);
const say = (text) => process.stdout.write(`${text}\n`);
const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

const first = new Map();
let events = 0;
let overflows = 0;
let lastMs = 0;

function onEvent({ path, operation }) {
  events += 1;
  if (operation !== 'put') return;
  const text = path.toString('latin1');
  if (first.has(text)) return;
  lastMs = nowMs();
  first.set(text, lastMs);
}

const rss = () => {
  globalThis.gc?.();
  return process.memoryUsage().rss;
};

const ANSWERS = {
  begin() {
    first.clear();
    events = 0;
    overflows = 0;
    return 'begun';
  },
  count: () => `counted ${JSON.stringify({ paths: first.size, events, overflows, lastMs })}`,
  report(file) {
    writeFileSync(file, JSON.stringify([...first]));
    return 'reported';
  },
};

const { watch } = await import(adapter);
const before = rss();
const from = nowMs();
const hooks = {
  onEvent,
  onOverflow: () => (overflows += 1),
  onScan: () => {},
  onTrouble: (text) => say(`trouble ${text}`),
};
await watch({ root }, hooks);
const seconds = (nowMs() - from) / 1000;
const ready = process.memoryUsage().rss;
say(`ready ${JSON.stringify({ seconds, before, ready, after: rss() })}`);

// What only this host needs is loaded when the watcher was measured.
const { writeFileSync } = await import('node:fs');
const { createInterface } = await import('node:readline');
createInterface({ input: process.stdin }).on('line', (line) => {
  const [word, ...words] = line.split(' ');
  say(ANSWERS[word](...words));
});
