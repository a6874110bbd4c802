/** The stages in their order, as options and help name them; src/ingest/stages gives each its handler. */
export const STAGE_NAMES = ['verify-complete', 'hash', 'process', 'manifest', 'move'] as const;
export type IngestStage = (typeof STAGE_NAMES)[number];
