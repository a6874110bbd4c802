/**
 * One script in its own process, for scripts that an ordinary user runs. Arguments: theme, name, backend.
 */
import { Scene } from './scene.js';
import { type Backend, scripts } from './script.js';

const [theme, name, backend] = process.argv.slice(2);
const script = scripts().find((one) => one.theme === theme && one.name === name);
await new Scene(script!, backend as Backend).run();
