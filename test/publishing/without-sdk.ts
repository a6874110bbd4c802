/** Imported before a program (`node --import`): the package @aws-sdk/client-s3 is not installed. */
import { registerHooks } from 'node:module';

registerHooks({
  resolve(specifier, context, next) {
    if (specifier === '@aws-sdk/client-s3')
      throw Object.assign(new Error("Cannot find package '@aws-sdk/client-s3'"), { code: 'ERR_MODULE_NOT_FOUND' });
    return next(specifier, context);
  },
});
