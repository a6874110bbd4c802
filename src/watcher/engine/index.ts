/** The public interface of the engine. */

export type { Backend } from '../backend/backend.js';
export * from '../backend/types.js';
export { Engine } from './engine.js';
