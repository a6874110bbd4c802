/** From counts at moments to files a second. Pure. */

/** Points are about ten seconds apart while something is counted. */
const GAP_SECONDS = 20;

/**
 * Between neighbouring points, at the later one: seconds since 1970, and files a second. `points`: `{at, files}`, ascending.
 * Nothing is counted in a longer gap but at its end (queue/sqlite/history.ts).
 */
export function ratesOf(points) {
  const [at, rate] = [[], []];
  const add = (second, value) => {
    at.push(second);
    rate.push(Math.max(0, value));
  };
  for (let i = 1; i < points.length; i++) {
    const [before, now] = [points[i - 1], points[i]];
    if (now.at <= before.at) continue;
    const seconds = Math.min(now.at - before.at, GAP_SECONDS);
    if (now.at - before.at > GAP_SECONDS) {
      add(before.at + 1, 0);
      add(now.at - seconds, 0);
    }
    add(now.at, (now.files - before.files) / seconds);
  }
  return [at, rate];
}
