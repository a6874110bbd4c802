/** Producer and workers that do what they are asked. */
import { liveAsChild } from '../../../../src/service/supervise/life.js';
import { steady } from './slot.js';

liveAsChild(async () => steady);
