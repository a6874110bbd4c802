/** The library `atomic-ingestor/process`: what tests of a module need, and the types of what one has. */
export type { Emit, ModuleSteps, ProcessedFile, StepsOf } from './chain/module.js';
export type { Fault, HoldCode } from './formats/fault.js';
export { type ChainResult, runChain, type TestedChain } from './run-chain.js';
