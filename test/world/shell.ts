/** A shell for parts that are tested alone: commands stay as they are written. */
import type { Shell } from '../../src/base/config/paste.js';

export const PLAIN_SHELL: Shell = { as: [], folder: '', options: [] };
