export type ProcessOptions = {
  start: string;
  module?: string;
  stuckSeconds: number;
  memoryBytes: number;
};
