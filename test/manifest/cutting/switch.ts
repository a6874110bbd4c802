/**
 * Imported before a program (`node --import`): redo becomes cutting. A switch of the tests alone; the product reads none.
 */
import { register } from 'node:module';

register('./hooks.js', import.meta.url);
