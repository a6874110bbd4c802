/** The library `atomic-ingestor/process`: `runChain` for tests of a module, and the types of a module. */
export type { Emit, ModuleSteps, ProcessedFile, StepsOf } from './chain/module.js';
export type { Fault, HoldCode } from './formats/fault.js';
export { type ChainResult, runChain, type TestedChain } from './run-chain.js';
