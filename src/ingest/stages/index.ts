/** The pipeline: the four stages in their order. */
import { hash } from './hash.js';
import { manifest } from './manifest.js';
import { move } from './move.js';
import type { Stage } from './stage.js';
import { verifyComplete } from './verify-complete.js';

export const STAGES: readonly Stage[] = [verifyComplete, hash, manifest, move];
