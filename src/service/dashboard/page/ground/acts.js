/**
 * Sends the acts of an operator to the server. The answer is shown beside the pressed button, in an `output` that screen readers read out; an error
 * is shown in the same place.
 */
import { $, element, setText } from './dom.js';
import { name } from './words.js';

/** An answer that stayed longer would be taken for the present. */
const SHOWN_MS = 60_000;
const timers = new WeakMap();

/** Buttons with the place of their answer. */
export const buttons = (...made) => element('div', { className: 'acts' }, ...made, element('output'));

export function button(text, press, { danger = false, label } = {}) {
  const made = element('button', { type: 'button', text, className: danger ? 'danger' : '' });
  if (label !== undefined) made.setAttribute('aria-label', label);
  made.addEventListener('click', () => press(made));
  return made;
}

/** Writes an answer; `how` is '', 'done' or 'failed'. */
export function say(output, words, how = '') {
  output.className = how;
  setText(output, words);
  clearTimeout(timers.get(output));
  if (how !== '')
    timers.set(
      output,
      setTimeout(() => setText(output, ''), SHOWN_MS),
    );
}

/** Sends one change. Returns its answer: `{ ok, sentence }`. */
async function send(verb, body) {
  try {
    const answer = await fetch(verb, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-ingest-action': '1' },
      body: JSON.stringify(body),
    });
    const { sentence } = await answer.json();
    return { ok: answer.ok, sentence: name(sentence) };
  } catch (error) {
    return { ok: false, sentence: `No answer (${error.message}): nothing is known of what was done.` };
  }
}

/** Sends the bodies one after the other, until one fails. `pressed`: a button of `buttons()`. */
export async function change(pressed, verb, doing, ...bodies) {
  const output = pressed.parentElement.querySelector('output');
  if (output.dataset.busy) return { ok: false };
  output.dataset.busy = 'yes';
  say(output, `${doing}…`);
  const answers = [];
  for (const body of bodies) {
    answers.push(await send(verb, body));
    if (!answers.at(-1).ok) break;
  }
  delete output.dataset.busy;
  const { ok } = answers.at(-1);
  const sentence = answers.map((one) => one.sentence).join(' ');
  say(output, sentence, ok ? 'done' : 'failed');
  return { ok, sentence };
}

/** Asks to resume one pause, and no other one within its stage and feed. */
export const onlyThat = ({ stage, feed }) => ({ stage, feed, only: true });

$('sure-no').addEventListener('click', () => $('sure').close('no'));

/** Asks before an act. `yes` and `no`: the words of the two buttons. */
export function sure({ title, words, yes, no }, isPause = false) {
  $('sure-pause').hidden = !isPause;
  $('sure-yes').classList.toggle('danger', !isPause);
  setText($('sure-title'), title);
  setText($('sure-words'), words);
  setText($('sure-yes'), yes);
  setText($('sure-no'), no);
  $('sure').returnValue = 'no';
  $('sure').showModal();
  if (isPause) $('sure-reason').focus();
  return new Promise((resolve) => {
    $('sure').addEventListener('close', () => resolve($('sure').returnValue === 'yes'), { once: true });
  });
}

/** Asks whether to pause, why, and for how long. Returns what the request says of it; undefined: not at all. */
export async function sureToPause(question) {
  $('sure-reason').value = '';
  $('sure-for').value = '';
  if (!(await sure(question, true))) return undefined;
  const [reason, time] = [$('sure-reason').value.trim(), $('sure-for').value];
  return { ...(reason !== '' && { reason }), ...(time !== '' && { for: time }) };
}

/** What is given up for ever is named with its feed. */
export const sureToDiscard = (which) =>
  sure({ title: 'Discard?', words: `${which}: ${GIVEN_UP}`, yes: 'Discard', no: 'Keep' });

const GIVEN_UP =
  'what is not stored yet goes into failed/ of the work directory and is never ingested; what lies in the warehouse stays there.';
