/** The watcher as others see it. It imports nothing but src/linux. */
export { limits as watcherLimits } from './limits.js';
export * from './types.js';
export { Watcher } from './watcher.js';
