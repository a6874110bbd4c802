/** The engine as others see it. It imports nothing but src/linux. */

export { Engine } from './engine.js';
export type { Ground } from './ground.js';
export * from './types.js';
