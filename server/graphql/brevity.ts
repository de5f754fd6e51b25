// What is the same everywhere is said once, in docs/api.md, and not again at each of two hundred connections: the
// arguments of paging, the fields of a connection, "Filter by the object's `name` field". Comments of the database stay.

import 'postgraphile'

declare global {
  namespace GraphileConfig {
    interface Plugins {
      BrevityPlugin: true
    }
  }
}

type Described = { description?: string | null | undefined }

const paging = new Set(['first', 'last', 'offset', 'before', 'after', 'filter', 'orderBy'])

/** Sentences that PostGraphile makes of a name, so that they say no more than the name does. */
const generated = [
  /^Reads and enables pagination through a set of `\w+`\.$/,
  /^Reads a single `\w+` that is related to this `\w+`\.$/,
  /^Get a single `\w+`\.$/,
  /^(Creates|Updates|Deletes) a single `\w+`( using a unique key)?( and a patch)?\.$/,
  /^The `\w+` (that was|to be) (created|updated|deleted) by this mutation\.$/,
  /^(All input for|The output of our) (the )?(create |update |delete )?`\w+` mutation\.$/,
  /^An object where the defined keys will be set on the `\w+` being updated\.$/,
  /^Represents an update to a `\w+`\./,
  /^An input for mutations affecting `\w+`$/,
  /^Methods to use when ordering `\w+`\.$/,
  /^A connection to a list of `\w+` values\.$/,
  /^A `\w+` edge in the connection\.$/,
  /^A list of `\w+` objects\.$/,
  /^A list of edges which contains the `\w+` and cursor to aid in pagination\.$/,
  /^Information to aid in pagination\.$/,
  /^The count of \*all\* `\w+` you could get from the connection\.$/,
  /^A cursor for use in pagination\.$/,
  /^The `\w+` at the end of the edge\.$/,
  /^A filter to be used against `?\w+`?( List)? (object types|fields)\. /,
  /^Filter by the object’s `\w+` field\.$/,
  /^(Checks for (all|any) expressions in this list|Negates the expression)\.$/,
]

function shorten<T extends Described>(described: T): T {
  const text = described.description?.replaceAll(/\s+/g, ' ')
  if (text && generated.some((pattern) => pattern.test(text))) delete described.description
  return described
}

export const BrevityPlugin: GraphileConfig.Plugin = {
  name: 'BrevityPlugin',
  version: '1.0.0',
  description: 'Leaves out descriptions that say no more than the name',
  schema: {
    hooks: {
      GraphQLObjectType: shorten,
      GraphQLInputObjectType: shorten,
      GraphQLEnumType: shorten,
      GraphQLObjectType_fields_field: shorten,
      GraphQLInputObjectType_fields_field: shorten,
      GraphQLObjectType_fields_field_args_arg(argument, _build, { scope }) {
        if (scope.isPgFieldConnection && paging.has(scope.argName)) delete argument.description
        return argument
      },
    },
  },
}
