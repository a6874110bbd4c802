/**
 * A process that marks the given roots in order, as soon as it gets a message.
 */

import { makeMarker } from '../../src/files/marker.js';
import { openRoot } from '../../src/ingest/files/feed-files.js';

process.on('message', () => {
  const markers = process.argv.slice(2).map((root) => {
    const statePath = String(process.pid);
    return makeMarker(openRoot(root), { kind: 'warehouse', statePath });
  });
  process.send!(markers, () => process.disconnect());
});
process.send!('ready');
