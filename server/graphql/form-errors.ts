// Errors that a form can show beside its fields: which field of the input broke which rule. PostgreSQL's error names the
// table and the constraint; the catalogue knows the columns and the rule in words; the schema knows where in the input the
// column is. PostgreSQL stops at the first rule that does not hold, so the rest is asked for.

import {
  type FieldNode,
  GraphQLError,
  type GraphQLInputType,
  type GraphQLSchema,
  getArgumentValues,
  getNamedType,
  isInputObjectType,
} from 'graphql'
import { escapeIdentifier, type Pool } from 'pg'
import { type Column, type Constraints, fieldOf } from '../constraints.ts'

export type Violation = { code: string; field?: string; inputPath?: string[]; rule?: string; constraint?: string }

export type Circumstances = { variables: Record<string, unknown>; pgSettings: Record<string, string> }

/** Adds to an error, as it will be shown, what a form needs; any other error is returned as it is. */
export type ExplainError = (shown: GraphQLError, error: GraphQLError, at: Circumstances) => Promise<GraphQLError>

type DatabaseError = { code: string; schema?: string; table?: string; column?: string; constraint?: string }
type Row = Record<string, unknown>

/** Of a value missing, unique, a reference, a check. */
const codesOfRows = new Set(['23502', '23503', '23505', '23514'])
/** Of these there may be more at once. */
const codesOfValues = new Set(['23502', '23514'])

export function createExplainError(schema: GraphQLSchema, pool: Pool, constraints: Constraints): ExplainError {
  return async (shown, error, at) => {
    const cause = error.originalError as unknown as DatabaseError | undefined
    const node = error.nodes?.[0] as FieldNode | undefined
    if (!cause || !node || !codesOfRows.has(cause.code) || shown.extensions.code !== cause.code) return shown
    const first = violationOf(cause, pathsOf(schema, node))
    const more = codesOfValues.has(cause.code) ? await moreViolations(cause, node, first, at).catch(() => []) : []
    const violations = [first, ...more.filter((other) => !isSame(other, first))]
    return new GraphQLError(
      first.rule && (cause.code === '23514' || cause.code === '23505') ? first.rule : shown.message,
      {
        ...(shown.nodes ? { nodes: shown.nodes } : {}),
        ...(shown.path ? { path: shown.path } : {}),
        extensions: { ...shown.extensions, ...first, ...(first.field ? { violations } : {}) },
      },
    )
  }

  function violationOf({ code, schema: schemaName = '', table = '', column, constraint }: DatabaseError, paths: Paths) {
    const known = constraint ? constraints.constraint(schemaName, table, constraint) : undefined
    const columns = column ? [column] : (known?.columns ?? [])
    const rule = known?.rule ?? (code === '23514' ? constraint?.replaceAll('_', ' ') : undefined)
    const violation = violationBy(code, columns, paths, rule, constraint)
    // a row that is still referred to is not about any field of the input
    if (code === '23503' && !violation.inputPath) delete violation.field
    return violation
  }

  /** The other rules of the same row that its values break, by asking the database with the caller's rights. */
  async function moreViolations(cause: DatabaseError, node: FieldNode, first: Violation, at: Circumstances) {
    const { schema: schemaName = '', table = '' } = cause
    const columns = constraints.columns(schemaName, table)
    const place = first.inputPath?.slice(0, -1)
    // an input of its own below "input" is the row, or its patch
    if (!constraints.canCheckAll || place?.length !== 2) return []
    const definition = schema.getMutationType()?.getFields()[node.name.value]
    if (!definition) return []
    const input = (getArgumentValues(definition, node, at.variables) as { input: Row }).input
    const values = rowOf(input[place[1] as string] as Row, columns)
    const target = `${escapeIdentifier(schemaName)}.${escapeIdentifier(table)}`
    const client = await pool.connect()
    try {
      await client.query('begin read only')
      await client.query('select set_config(name, value, true) from json_each_text($1) as s (name, value)', [
        JSON.stringify(at.pgSettings),
      ])
      const keys = columns.filter(({ field }) => field in input)
      const before = place[1] === 'patch' ? await currentRow(keys, input) : {}
      const { rows } = await client.query<{ constraint_name: string | null; column_names: string[]; message: string }>(
        'select * from core.check_violations($1, $2)',
        [target, JSON.stringify({ ...before, ...values })],
      )
      const paths = pathsOf(schema, node)
      return rows.map(({ constraint_name, column_names, message }) =>
        violationBy(constraint_name ? '23514' : '23502', column_names, paths, message, constraint_name ?? undefined),
      )
    } finally {
      await client.query('rollback').catch(() => {})
      client.release()
    }

    async function currentRow(keys: readonly Column[], input: Row): Promise<Row> {
      if (keys.length === 0) return {}
      const { rows } = await client.query<{ row: Row }>(
        `select to_jsonb(r) as row from ${target} r
          where ${keys.map(({ name, type }, i) => `r.${escapeIdentifier(name)} = ($${i + 1})::${type}`).join(' and ')}`,
        keys.map(({ field }) => input[field]),
      )
      return rows[0]?.row ?? {}
    }
  }
}

function violationBy(code: string, columns: string[], paths: Paths, rule?: string, constraint?: string): Violation {
  const fields = columns.filter((name) => name !== 'tenant_id').map(fieldOf)
  const field = fields.find((name) => paths.has(name)) ?? fields[0]
  const inputPath = field && paths.get(field)
  return {
    code,
    ...(field ? { field } : {}),
    ...(inputPath ? { inputPath } : {}),
    ...(rule ? { rule: inWords(rule, field) } : {}),
    ...(constraint ? { constraint } : {}),
  }
}

/** The comment of a constraint goes on after the field's name: "must be from 0 to 2". */
const inWords = (rule: string, field: string | undefined): string =>
  field && /^(must|may|can|cannot|has|have|is|are)\b/.test(rule) ? `${field} ${rule}` : rule

const isSame = (one: Violation, other: Violation): boolean =>
  one.constraint || other.constraint ? one.constraint === other.constraint : one.field === other.field

/** Where in a mutation's input each field is; the outermost one of a name. */
type Paths = ReadonlyMap<string, string[]>

function pathsOf(schema: GraphQLSchema, node: FieldNode): Paths {
  const paths = new Map<string, string[]>()
  const definition = schema.getMutationType()?.getFields()[node.name.value]
  const add = (name: string, type: GraphQLInputType, above: string[]): void => {
    const path = [...above, name]
    if (!paths.has(name)) paths.set(name, path)
    const inner = getNamedType(type)
    if (!isInputObjectType(inner) || path.length > 3) return
    for (const [name, { type }] of Object.entries(inner.getFields())) add(name, type, path)
  }
  for (const { name, type } of definition?.args ?? []) add(name, type, [])
  return paths
}

const rowOf = (values: Row, columns: readonly Column[]): Row =>
  Object.fromEntries(
    columns.filter(({ field }) => values[field] !== undefined).map(({ name, field }) => [name, values[field]]),
  )
