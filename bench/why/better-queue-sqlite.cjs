/**
 * Why `better-queue-sqlite` is not the store: it loses tasks in one process, without a crash.
 * An empty claim answers the lock `''`; `getLock('')` then answers whatever was put meanwhile, and `releaseLock('')`
 * deletes every row that nobody has locked, the unread ones too.
 *
 * Pushes tasks in small bursts at a queue that runs four at a time, and counts which ids were ever handed out.
 * Usage: node why/better-queue-sqlite.cjs [TASKS] [RUNS]
 */
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const Queue = require('better-queue');

const tasks = Number(process.argv[2] ?? 1200);
const runs = Number(process.argv[3] ?? 3);

function run() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'better-queue-sqlite-'));
  const handedOut = new Set();
  const queue = new Queue(
    (task, done) => {
      handedOut.add(task.id);
      setTimeout(done, Math.random() * 4);
    },
    { store: { type: 'sqlite', path: path.join(folder, 'queue.db') }, concurrent: 4 },
  );
  let pushed = 0;
  const pushBurst = () => {
    for (let n = 1 + Math.floor(Math.random() * 8); n > 0 && pushed < tasks; n--)
      queue.push({ id: `task-${pushed++}` });
    if (pushed < tasks) setTimeout(pushBurst, Math.random() * 30);
  };
  pushBurst();
  return new Promise((resolve) => {
    let before = -1;
    let quiet = 0;
    const watch = setInterval(() => {
      quiet = handedOut.size === before && pushed === tasks ? quiet + 1 : 0;
      before = handedOut.size;
      if (quiet < 3) return;
      clearInterval(watch);
      fs.rmSync(folder, { recursive: true, force: true });
      resolve({ pushed: tasks, handedOut: handedOut.size, lost: tasks - handedOut.size });
    }, 1_000);
  });
}

(async () => {
  for (let n = 1; n <= runs; n++) console.log(`run ${n}:`, await run());
  process.exit(0);
})();
