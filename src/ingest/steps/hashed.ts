/** A step that stands only once the file's bytes are on disk. */
import type { JobFacts } from '../rules/facts.js';
import type { Step } from './stage.js';

export interface Hashed extends Step {
  hashed: JobFacts;
}

export const isHashed = (step: Step): step is Hashed => 'hashed' in step;
