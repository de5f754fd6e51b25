// What a form shows when a value breaks a rule: the comment of the rule, in words that follow the name of the field.

import { expect, it } from 'vitest'
import { useDatabase } from '../helpers/index.ts'

const db = useDatabase()

const tables = [
  ...['agents', 'tools', 'prompts', 'workflows', 'rag_knowledge_sources', 'tool_categories', 'tags', 'tag_assignments'],
  ...['departments', 'business_functions', 'organizational_roles', 'personas', 'avatars', 'icons'],
  ...['model_configurations', 'agent_tools', 'agent_persona_mapping', 'agent_industry_mapping'],
  ...['agent_knowledge_sources', 'user_agents', 'user_favorites', 'user_ratings'],
]

it('every check and every unique key that a user can violate is told in words', async () => {
  const { rows } = await db.pool.query<{ name: string; words: string | null }>(
    `select c.conrelid::regclass || ' ' || c.conname as name, obj_description(c.oid, 'pg_constraint') as words
       from pg_constraint c
      where c.conrelid = any ($1::regclass[])
        and (c.contype = 'c' or c.contype = 'u' and not exists (
          select from pg_attribute a where a.attrelid = c.conrelid and a.attname = 'id' and a.attnum = any (c.conkey)))
     union all
     select i.indrelid::regclass || ' ' || i.indexrelid::regclass, obj_description(i.indexrelid, 'pg_class')
       from pg_index i
      where i.indrelid = any ($1::regclass[]) and i.indisunique
        and not exists (select from pg_constraint c where c.conindid = i.indexrelid)`,
    [tables.map((table) => `app_public.${table}`)],
  )
  expect(rows.length).toBeGreaterThan(120)
  expect(rows.filter(({ words }) => !/^(must|is) /.test(words ?? '')).map(({ name }) => name)).toEqual([])
})
