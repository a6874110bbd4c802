/** The engine as others see it. It imports nothing but src/linux. */

export type { Backend } from '../backend/backend.js';
export * from '../backend/types.js';
export { Engine } from './engine.js';
