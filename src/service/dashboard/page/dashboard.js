/** The page: gets snapshots from the stream and gives each to the parts that draw it. Each part has a module of its own. */
import { follow } from './connection.js';
import { drawNow } from './figures/now.js';
import { followSeries } from './figures/series.js';
import { drawWaits } from './figures/waits.js';
import { drawFindings } from './findings.js';
import { drawFlow } from './flow.js';
import { $, element, setText } from './ground/dom.js';
import { name } from './ground/words.js';
import { drawHeld, startHeld } from './held/held.js';
import { startLookup } from './lookup.js';
import { drawTables } from './view.js';

let snapshot;
let feed = '*';

function drawFeedChoice() {
  const names = snapshot.feeds.map((one) => one.name);
  const known = [...$('feed').options].map(({ value }) => value);
  if (known.slice(1).join('\0') === names.join('\0')) return;
  for (const option of [...$('feed').options].slice(1)) option.remove();
  for (const one of names) $('feed').append(element('option', { value: one, text: name(one) }));
  $('feed').value = feed = names.includes(feed) ? feed : '*';
  $('feed-choice').hidden = names.length < 2;
}

function draw() {
  document.body.dataset.at = snapshot.at;
  setText($('state-path'), name(snapshot.state_path));
  drawFeedChoice();
  drawFindings(snapshot, feed);
  drawWaits(snapshot, feed);
  drawFlow(snapshot, feed);
  drawHeld(snapshot, feed);
  drawTables(snapshot, feed);
  drawNow(snapshot, feed);
  followSeries(feed);
  $('main').setAttribute('aria-busy', 'false');
}

$('feed').addEventListener('change', () => {
  feed = $('feed').value;
  if (snapshot) draw();
});
startHeld();
startLookup();
follow((newest) => {
  snapshot = newest;
  draw();
});
