/**
 * Imported before a program (`node --import`): the program then runs from its modules instead of its one file in
 * dist/program, so that hooks can see the modules.
 */
import { type RegisterHooksOptions, registerHooks } from 'node:module';

export function hookModules(hooks: RegisterHooksOptions): void {
  registerHooks({
    resolve: (specifier, context, next) =>
      next(specifier.replace(/\/dist\/program\/([\w-]+)\.cjs$/, '/dist/src/programs/$1.js'), context),
  });
  registerHooks(hooks);
}
