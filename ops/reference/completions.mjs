/** The data for the completions of every shell: each program with its options, and ingest-ctl with its verbs. */
import {
  CTL_PROGRAM,
  completionOf,
  firstSentence,
  programs,
  STAGES,
  sectionsOf,
  verbs,
  wordCompletionOf,
} from './model.mjs';

/** `{ name, summary, options, words }`, or with `verbs` instead of options. */
export const targets = [
  ...programs.map(targetOf),
  { name: CTL_PROGRAM.name, verbs: verbs.map((spec) => ({ ...targetOf(spec), name: spec.verb })) },
];

function targetOf(spec) {
  return {
    name: spec.name,
    summary: spec.summary,
    words: wordCompletionOf(spec, STAGES),
    options: sectionsOf(spec)
      .flatMap(({ options }) => options)
      .flatMap(optionsOf),
  };
}

/** A switch that is on by default is completed in its other spelling, which is the one that changes something. */
function optionsOf({ name, meta, text }) {
  const isOn = meta.kind === 'switch' && meta.defaultText === 'on';
  return [
    {
      name: isOn ? `no-${name}` : name,
      text: isOn ? `Not: ${text}` : text,
      placeholder: meta.placeholder,
      takesValue: meta.kind !== 'switch',
      isRepeatable: meta.kind === 'list',
      completion: completionOf(meta),
    },
  ];
}

/** The first sentence, for a shell that shows one beside each option. */
export const short = (text) => firstSentence(text).slice(0, -1);
