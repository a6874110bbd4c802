/**
 * Imported before a program (`node --import`): where it imports its recovery of appends, it gets the one beside this file,
 * which cuts instead of redoing. A switch of the tests alone; the product reads none.
 */
import { hookModules } from '../../../world/out-of-modules.js';

hookModules({
  resolve(specifier, context, next) {
    const cuts = specifier === './finish.js' && context.parentURL?.endsWith('/src/ingest/manifest/write.js');
    return cuts ? { url: new URL('./finish.js', import.meta.url).href, shortCircuit: true } : next(specifier, context);
  },
});
