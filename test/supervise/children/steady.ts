/** Producer and workers that do what they are asked. */
import { liveAsChild } from '../../../src/supervise/life.js';
import { steady } from './slot.js';

liveAsChild(async () => steady);
