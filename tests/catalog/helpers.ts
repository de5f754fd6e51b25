// Rows of the catalogue, made as a person makes them, and errors with their texts where the text is what is tested.

import type { DatabaseError } from 'pg'
import type { Person, Transaction } from '../helpers/index.ts'

export const kinds = {
  agent: { table: 'agents', columns: {} },
  tool: { table: 'tools', columns: { tool_type: 'function' } },
  prompt: { table: 'prompts', columns: { prompt_text: 'Say it.' } },
  workflow: {
    table: 'workflows',
    columns: { workflow_definition: { nodes: [{ id: 'only', type: 'human' }], edges: [] } },
  },
  knowledge_source: { table: 'rag_knowledge_sources', columns: {} },
} as const
export type Kind = keyof typeof kinds
export const kindNames = Object.keys(kinds) as Kind[]

export function insertOf(kind: Kind, columns: Record<string, unknown> = {}): [string, unknown[]] {
  const row: Record<string, unknown> = { name: crypto.randomUUID(), ...kinds[kind].columns, ...columns }
  const names = Object.keys(row)
  return [
    `insert into app_public.${kinds[kind].table} (${names.join(', ')}) values (${names.map((_, i) => `$${i + 1}`)}) returning id`,
    Object.values(row).map((value) => (isJson(value) ? JSON.stringify(value) : value)),
  ]
}
// arrays of texts are PostgreSQL's, everything else that is an object is JSON
const isJson = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  !(Array.isArray(value) && value.length > 0 && value.every((v) => typeof v === 'string'))

export async function create(
  t: Transaction,
  person: Person,
  kind: Kind,
  columns: Record<string, unknown> = {},
): Promise<string> {
  await t.become(person)
  return t.value(...insertOf(kind, columns))
}

export const find = async (t: Transaction, kind: Kind, id: string): Promise<Record<string, unknown> | undefined> =>
  (await t.query(`select * from app_public.${kinds[kind].table} where id = $1`, [id]))[0]

/** What a statement fails with, code and message; the transaction goes on either way. */
export async function failure(
  t: Transaction,
  text: string,
  values?: unknown[],
): Promise<{ code: string; message: string } | undefined> {
  await t.query('savepoint failure')
  try {
    await t.query(text, values)
    await t.query('release savepoint failure')
    return undefined
  } catch (error) {
    await t.query('rollback to savepoint failure')
    const { code, message } = error as DatabaseError
    return { code: code ?? '', message }
  }
}
