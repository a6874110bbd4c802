/** The SQLite backend passes the suite that every backend passes. */
import { conformance } from './conformance.js';
import { sqlite } from './sqlite/kind.js';

conformance(sqlite);
