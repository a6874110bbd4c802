/** The word that was probably meant: a slip of the hand is named, another word is not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearest } from '../../../../src/base/config/values/nearest.js';

const VERBS = ['explain', 'held', 'host', 'retry', 'learn', 'hash'];

test('letters that are exchanged, missing, too many or wrong are slips', () => {
  for (const [word, meant] of [
    ['retyr', 'retry'],
    ['hled', 'held'],
    ['retr', 'retry'],
    ['explainn', 'explain'],
    ['lerrn', 'learn'],
  ] as const)
    assert.equal(nearest(word, VERBS), meant, word);
});

test('a word of its own is not taken for another one that shares some letters', () => {
  for (const word of ['list', 'show', 'status']) assert.equal(nearest(word, VERBS), undefined, word);
});
