/** The details of a violation of the power cuts, so that it can be understood without another run. */
import type { World } from '../world/world.js';

/** Everything that is known of the file in a violation: its drop, row, places, events. */
export function evidenceOf(world: World, what: string): string[] {
  const drop = world.dropped.findLast(({ name, sha256 }) => what.includes(name) || what.includes(sha256));
  if (!drop) return [];
  const base = drop.name.slice(drop.name.lastIndexOf('/') + 1);
  const { input, underprocess, warehouse, duplicates, failed, temporary } = world.survey();
  const places = Object.entries({ input, underprocess, warehouse, duplicates, failed, temporary });
  return [
    `dropped: ${JSON.stringify(world.dropped.filter(({ name }) => name === drop.name))}`,
    ...world
      .jobs()
      .filter(({ key }) => key === drop.name)
      .map((job) => `row: ${JSON.stringify(job)}`),
    ...places.flatMap(([place, all]) =>
      all
        .filter(({ path, sha256 }) => path.endsWith(base) || sha256 === drop.sha256)
        .map(({ path, sha256, size }) => `${place}: ${path}, ${size} bytes, ${sha256}`),
    ),
    ...world.log.all
      .filter((event) => JSON.stringify(event).includes(drop.name))
      .map((e) => `log: ${JSON.stringify(e)}`),
  ].slice(0, 40);
}
