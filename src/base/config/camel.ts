/** The names of options as the program has them: `keep-history` is `keepHistory`. */

type Camel<Name extends string> = Name extends `${infer Head}-${infer Rest}`
  ? `${Head}${Capitalize<Camel<Rest>>}`
  : Name;

export type InCamelCase<T> = { [Name in keyof T & string as Camel<Name>]: T[Name] };

export const camel = (name: string): string => name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());

export const inCamelCase = <T extends object>(values: T) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [camel(name), value])) as InCamelCase<T>;
