// What the server makes of an argument is what the database's function is called with.

import type { FieldArgs, Step } from 'postgraphile/grafast'

/** The arguments of a field with another value at a path: `make` plans it where the argument is read. */
export const withArgument = (fieldArgs: FieldArgs, path: string[], make: () => Step): FieldArgs =>
  new Proxy(fieldArgs, {
    get: (target, property) =>
      property === 'getRaw'
        ? (asked: string | string[]) => (String(asked) === String(path) ? make() : target.getRaw(asked as never))
        : Reflect.get(target, property),
  })
