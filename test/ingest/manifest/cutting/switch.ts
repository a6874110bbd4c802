/**
 * Imported before a program (`node --import`): replaces its recovery of appends by the file beside this one, which cuts instead
 * of writing again. Only tests use this switch; the product reads none.
 */
import { hookModules } from '../../../world/out-of-modules.js';

hookModules({
  resolve(specifier, context, next) {
    const cuts = specifier === './finish.js' && context.parentURL?.endsWith('/src/ingest/manifest/write.js');
    return cuts ? { url: new URL('./finish.js', import.meta.url).href, shortCircuit: true } : next(specifier, context);
  },
});
