/** Loaded before an example runs: what it calls and does not define says so to the test that started it. */
/** The helper that was called, and with what. */
export type Did = string[];

const say = (...words: unknown[]): void => void process.send?.(words.map(String));
const saying =
  (name: string) =>
  async (...words: unknown[]): Promise<void> =>
    say(name, ...words);

Object.assign(globalThis, {
  ...Object.fromEntries(['copy', 'remove', 'indexAll', 'index'].map((name) => [name, saying(name)])),
  running(one: { stop(): Promise<unknown> }): void {
    say('running');
    process.once('message', async () => {
      await one.stop();
      process.disconnect();
    });
  },
});
