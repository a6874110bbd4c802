/** A state with very many held files of three causes: one is held by the product itself, the others are copies of its row. */
import { withHeldFile } from '../../commands/cases.js';
import { editDatabase } from '../../world/database.js';
import type { World } from '../../world/world.js';

export const CAUSES = ['too_large', 'poison', 'EIO'] as const;
export const FOLDERS = 40;

/** `files` of them altogether: six of ten for the first cause, three for the second, one for the third. */
export async function crowdedWorld(world: World, files: number): Promise<void> {
  await withHeldFile(world);
  editDatabase(world.statePath, (db) => {
    db.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${files - 1})
      INSERT INTO jobs (id, feed, key, identity, stage, state, due_ms, bytes, payload, hold_code, reason, created_ms, updated_ms, trail)
      SELECT printf('01J%023d', i), feed, CAST(printf('region-%d/orders-%05d.csv', i % ${FOLDERS}, i) AS BLOB), identity, stage,
        state, due_ms, bytes, payload,
        CASE WHEN i % 10 < 6 THEN '${CAUSES[0]}' WHEN i % 10 < 9 THEN '${CAUSES[1]}' ELSE '${CAUSES[2]}' END,
        'it is held by hand for the cause number ' || (i % 10), created_ms, updated_ms + i, trail
      FROM n, (SELECT * FROM jobs WHERE state = 'held')`);
  });
}
