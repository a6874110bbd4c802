/** Imported before a program (`node --import`): the package pg is not installed. */
import { registerHooks } from 'node:module';

registerHooks({
  resolve(specifier, context, next) {
    if (specifier === 'pg') throw new Error('there is no pg');
    return next(specifier, context);
  },
});
