// Queries that someone makes up to bring the server down: random aliases, depths, fragments, arguments and sizes over the
// real schema. The same seed makes the same queries.

import {
  type GraphQLField,
  type GraphQLSchema,
  getNamedType,
  isInputObjectType,
  isLeafType,
  isObjectType,
  isRequiredArgument,
} from 'graphql'
import { between, mulberry32, pick, type Random } from '../../bench/random.ts'

type Field = GraphQLField<unknown, unknown>

export type HostileQuery = { query: string; variables?: object }

/** A query of about so many fields that the server takes: aliases beside and beneath each other, in fragments or not. */
export function hostileQuery(schema: GraphQLSchema, seed: number, weight: number): HostileQuery {
  const random = mulberry32(seed)
  let left = weight
  let aliases = 0
  const fragments: string[] = []
  const fieldsOf = (field: Field): Field[] => {
    const type = getNamedType(field.type)
    return isObjectType(type)
      ? Object.values(type.getFields()).filter((inner) => !inner.args.some(isRequiredArgument))
      : []
  }
  const isList = (field: Field): boolean => field.args.some(({ name }) => name === 'first')
  /** Widest at one level, deepest at another. */
  const depthOfAliases = between(random, 0, 4)
  const write = (field: Field, depth: number): string => {
    aliases += 1
    left -= fieldsOf(field).length > 0 ? 5 : 1
    const head = `a${aliases}: ${field.name}${argumentsOf(random, field, isList(field))}`
    const inner = fieldsOf(field)
    if (inner.length === 0) return head
    const parts: string[] = ['__typename']
    const times = depth === depthOfAliases ? between(random, 5, 40) : between(random, 1, 2)
    for (let i = 0; i < times && left > 0; i += 1) {
      const nested = inner.filter((each) => fieldsOf(each).length > 0)
      const wanted = depth < 15 && nested.length > 0 && random() < 0.8 ? pick(random, nested) : pick(random, inner)
      parts.push(write(wanted, depth + 1))
    }
    if (random() < 0.8) return `${head} { ${parts.join(' ')} }`
    const name = `f${fragments.length}`
    fragments.push(`fragment ${name} on ${getNamedType(field.type).name} { ${parts.join(' ')} }`)
    return `${head} { ...${name} }`
  }
  const roots = Object.values(schema.getQueryType()?.getFields() ?? {}).filter(
    (field) => isList(field) && !field.args.some(isRequiredArgument) && !isLeafType(getNamedType(field.type)),
  )
  const written: string[] = []
  const most = between(random, 1, 50)
  while (left > 0 && written.length < most) written.push(write(pick(random, roots), 0))
  return { query: `{ ${written.join(' ')} } ${fragments.join(' ')}` }
}

function argumentsOf(random: Random, field: Field, isList: boolean): string {
  if (!isList) return ''
  const filter = field.args.find(({ name }) => name === 'filter')?.type
  const type = filter && getNamedType(filter)
  const given = ['first: 1']
  if (isInputObjectType(type) && 'id' in type.getFields() && random() < 0.3) {
    const ids = Array.from({ length: between(random, 1, 20) }, () => '{id: {isNull: false}}')
    given.push(`filter: {or: [${ids.join(' ')}]}`)
  }
  return `(${given.join(' ')})`
}
