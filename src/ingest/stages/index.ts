/** The pipeline: the four stages in their order. */

import type { Stage } from '../steps/stage.js';
import { hash } from './hash.js';
import { manifest } from './manifest.js';
import { move } from './move.js';
import { verifyComplete } from './verify-complete.js';

export const STAGES: readonly Stage[] = [verifyComplete, hash, manifest, move];
