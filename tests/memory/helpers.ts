// What tests of memory share: people who consent, and memories as the API takes them.

import type { Person, Queries, Transaction } from '../helpers/index.ts'

export type Given = {
  memory_type?: 'fact' | 'preference' | 'relationship' | 'context' | 'episode'
  memory_key?: string
  content?: string
  memory_value?: unknown
  confidence_score?: number
  importance_score?: number
  valid_from?: string
  valid_to?: string
  expires_at?: string
  speaker?: string
  occurred_at?: string
  session_id?: string
  context?: string
  supersedes_id?: string
  is_long_term?: boolean
  idempotency_key?: string
}

export type Memory = {
  id: string
  history_id: string
  user_id: string
  agent_id: string | null
  scope_agent_id: string | null
  memory_type: string
  memory_key: string
  content: string
  memory_value: unknown
  confidence_score: string
  importance_score: string
  confirmation_count: number
  valid_from: Date
  valid_to: Date | number
  expires_at: Date | null
  superseded_by_id: string | null
  is_long_term: boolean
  access_count: number
  last_accessed_at: Date | null
  status: string
}

export const rememberStatement = `select * from app_public.remember(
  array(select jsonb_populate_record(null::app_public.new_memory, g) from jsonb_array_elements($1) g), $2, $3)`

export const remember = (
  t: Pick<Queries, 'query'>,
  given: Given | Given[],
  userId: string | null = null,
  agentId: string | null = null,
): Promise<Memory[]> => t.query<Memory>(rememberStatement, [JSON.stringify([given].flat()), userId, agentId])

export const rememberError = (
  t: Transaction,
  given: Given | Given[],
  userId: string | null = null,
  agentId: string | null = null,
): Promise<string | undefined> => t.errorCode(rememberStatement, [JSON.stringify([given].flat()), userId, agentId])

/** What the person reads: the contents of what holds, by valid_from. */
export const current = async (t: Pick<Queries, 'query'>): Promise<string[]> =>
  (await t.query<{ content: string }>('select content from app_public.user_memory order by valid_from, content')).map(
    (row) => row.content,
  )

/** Becomes the person, who consents. */
export async function becomeConsenting(t: Transaction, person: Person): Promise<void> {
  await t.become(person)
  await t.query(`select app_public.give_consent('memory', 'v1')`)
}
