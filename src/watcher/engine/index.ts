/**
 * The public interface of the engine. It imports only src/linux.
 */

export type { Backend } from '../backend/backend.js';
export * from '../backend/types.js';
export { Engine } from './engine.js';
