// What an agent of a demo tenant remembers of a person who consents: where she works, which has changed since, and what she likes.

import type pg from 'pg'
import { type Actor, asUser } from './database.ts'

const memories = [
  { memory_key: 'office', content: 'Works at the office in Basel.', valid_from: daysAgo(400) },
  { memory_type: 'preference', content: 'Prefers short answers with the source.', valid_from: daysAgo(90) },
  { memory_key: 'office', content: 'Works at the office in Geneva.', valid_from: daysAgo(30) },
  { memory_type: 'preference', content: 'Really prefers short answers with the source.' },
]

export async function seedDemoMemory(pool: pg.Pool, person: Actor): Promise<void> {
  await asUser(pool, person, async (client) => {
    await client.query(`select app_public.give_consent('memory', 'demo')`)
    await client.query(
      `select app_public.remember(array(
         select jsonb_populate_record(null::app_public.new_memory, m) from jsonb_array_elements($1) m))`,
      [JSON.stringify(memories)],
    )
  })
}

function daysAgo(days: number): string {
  return new Date(Date.now() - days * 86_400_000).toISOString()
}
