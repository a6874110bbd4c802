/** The waiting files by reason and the held ones by cause, in words, below what is wrong. */
import { $, ofFeed, setText } from '../ground/dom.js';
import { count, name, seconds } from '../ground/words.js';

const WHO = {
  uploader: 'the uploader has to act',
  operator: 'an operator has to act',
};
/** A younger file is nothing to worry about. */
const OLD_SECONDS = 60;

export function drawWaits(snapshot, feed) {
  const waits = together(snapshot.waits.filter(ofFeed(feed)));
  setText($('waits'), waits.length === 0 ? '' : `Waiting: ${waits.map(wordsOf).join(', ')}.`);
  const causes = new Map();
  for (const { code, files } of snapshot.held_by_code.filter(ofFeed(feed)))
    causes.set(code, (causes.get(code) ?? 0) + files);
  const held = [...causes].sort(([, a], [, b]) => b - a).map(([code, files]) => `${count(files)} ${name(code)}`);
  setText($('held-causes'), held.length === 0 ? '' : `Held: ${held.join(', ')}.`);
}

/** One entry a reason, over the chosen feeds; the one with most files first. */
function together(waits) {
  const sums = new Map();
  for (const one of waits) {
    const sum = sums.get(one.reason) ?? { ...one, files: 0 };
    sum.files += one.files;
    sum.at_least ||= one.at_least;
    sum.oldest_age_seconds = Math.max(sum.oldest_age_seconds ?? 0, one.oldest_age_seconds ?? 0);
    sums.set(one.reason, sum);
  }
  return [...sums.values()].sort((a, b) => b.files - a.files);
}

/** `12 no sidecar (the uploader has to act; the oldest for 12m 3s)` */
function wordsOf({ files, at_least: isLeast, words, who, oldest_age_seconds: age }) {
  const more = [
    ...(WHO[who] === undefined ? [] : [WHO[who]]),
    ...(age >= OLD_SECONDS ? [`the oldest for ${seconds(age)}`] : []),
  ];
  return `${isLeast ? 'at least ' : ''}${count(files)} ${words}${more.length === 0 ? '' : ` (${more.join('; ')})`}`;
}
