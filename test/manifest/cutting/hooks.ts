/** Where the product imports its recovery of appends, it gets the one beside this file. */
type Resolve = (specifier: string, context: { parentURL?: string }) => { url: string };

export function resolve(specifier: string, context: { parentURL?: string }, next: Resolve): unknown {
  const cuts = specifier === './finish.js' && context.parentURL?.endsWith('/src/manifest/write.js');
  return cuts ? { url: new URL('./finish.js', import.meta.url).href, shortCircuit: true } : next(specifier, context);
}
