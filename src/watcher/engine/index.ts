/** The engine as others see it. It imports nothing but src/linux. */

export type { Ground } from '../ground/ground.js';
export * from '../ground/types.js';
export { Engine } from './engine.js';
