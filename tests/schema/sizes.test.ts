// Whatever a person or another system can send has a limit of its own: a column for text, JSON, bytes or a list is bounded by
// a check, by a closed list, or by a reference to a column that is. This test reads them all from the catalogue, so whoever
// adds a column is told here that its limit is missing.

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

const db = useDatabase()

/** Functions that are false for every long value. The test below holds them to it. */
const boundingFunctions = [
  ...['core.is_name', 'core.is_slug', 'core.is_email', 'core.is_web_url', 'core.is_image_url', 'core.is_language_tag'],
  ...['catalog.is_color', 'catalog.is_semantic_version', 'tenancy.is_host_name', 'tenancy.is_country_code'],
  ...['tenancy.are_origins', 'tenancy.are_permissions', 'tenancy.are_settings', 'billing.are_price_tiers'],
]

/** Columns without a limit of their own that are bounded all the same. */
const exceptions: Record<string, string> = {
  'app_public.rate_limit_usage.past_buckets': 'one entry for each bucket of a window, whose number is fixed',
  'app_public.tenants.ancestor_ids': 'one entry for each level above, of which there are at most ten',
  'audit.tracked_tables': 'written by the files of sql/ only',
  'audit.untracked_tables': 'written by the files of sql/ only',
  'billing.invoice_documents': 'rendered by the server from an invoice that is bounded',
  'core.access_words': 'written by the files of sql/ only',
  'core.announced_tables': 'written by the files of sql/ only',
  'core.table_guard_exemptions': 'written by the files of sql/ only',
  'core.table_guards': 'written by the files of sql/ only',
  'metering.rate_limit_rules.except_scope_ids':
    'one entry for each own limit of the tenant, which have rows of their own',
  'observability.materialized_views.name': 'written by migrations only',
  'search.block_chunks.chunk_ids': 'a part of the positions of a block, of which there are search.block_capacity()',
  'search.postings.term': 'a lexeme: PostgreSQL refuses one of more than 2,046 bytes',
  'search.rare_postings': 'lexemes and postings of one bucket of a block, of which there are search.block_capacity()',
  'search.removals.term': 'a lexeme: PostgreSQL refuses one of more than 2,046 bytes',
  'search.terms.term': 'a lexeme: PostgreSQL refuses one of more than 2,046 bytes',
  'tenancy.onboarding_steps': 'written by the files of sql/ only',
}

type Column = {
  table: string
  name: string
  column: string
  isList: boolean
  checks: string[]
  referenced: string | null
  isClosed: boolean
}

// A list of a closed type is still a list, so its entries have to be counted.
const columns = `
  select n.nspname || '.' || c.relname as table, n.nspname || '.' || c.relname || '.' || a.attname as name,
         quote_ident(a.attname) as column, b.typcategory = 'A' as "isList",
         coalesce((select array_agg(pg_get_constraintdef(k.oid)) from pg_constraint k
                    where k.conrelid = c.oid and k.contype = 'c' and k.convalidated and a.attnum = any (k.conkey)), '{}') as checks,
         (select rn.nspname || '.' || r.relname || '.' || ra.attname
            from pg_constraint k
            join pg_class r on r.oid = k.confrelid join pg_namespace rn on rn.oid = r.relnamespace
            join pg_attribute ra on ra.attrelid = k.confrelid
             and ra.attnum = k.confkey[array_position(k.conkey, a.attnum)]
           where k.conrelid = c.oid and k.contype = 'f' and a.attnum = any (k.conkey) limit 1) as referenced,
         exists (select from pg_constraint k where k.contypid = t.oid
                    and pg_get_constraintdef(k.oid) ~ '^CHECK \\(\\(?\\(?VALUE\\)?(::text)? = ANY \\(+ARRAY\\[') as "isClosed"
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace and n.oid in (select core.schemas())
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    join pg_type t on t.oid = a.atttypid
    join pg_type b on b.oid = coalesce(nullif(t.typbasetype, 0), t.oid)
   where c.relkind in ('r', 'p') and not c.relispartition
     and (b.typcategory = 'A' or b.oid = any ('{text, varchar, bpchar, json, jsonb, xml, bytea}'::regtype[]))
   order by 2`

const anywhere = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** Whether an expression of a check, as PostgreSQL writes it, refuses every long value of the column. */
function bounds(check: string, column: string): boolean {
  const name = anywhere(column)
  const measure = new RegExp(
    `(?:length|octet_length|pg_column_size)\\(\\(?${name}\\)?(?:::text)?\\)\\)? (?:<=|=) \\(?\\d`,
  )
  const called = new RegExp(`(?:${boundingFunctions.map(anywhere).join('|')})\\(${name}[,)]`)
  const pattern = new RegExp(`${name} ~ '\\^(.*?)\\$'::text`).exec(check)?.[1]
  return (
    measure.test(check) ||
    called.test(check) ||
    new RegExp(`length\\(array_to_string\\(${name}, ''::text\\)\\) <= \\d`).test(check) ||
    new RegExp(`billing\\.minor_units\\(${name}\\) IS NOT NULL`).test(check) ||
    (pattern !== undefined && hasAnEnd(pattern))
  )
}

/** Whether what a pattern matches has an end: nothing repeats without one, and both anchors hold for the whole of it. */
function hasAnEnd(pattern: string): boolean {
  const withoutClasses = pattern.replaceAll(/\[(?:[^\]\\]|\\.)*\]/g, 'x')
  let withoutGroups = withoutClasses
  for (let before = ''; before !== withoutGroups; ) {
    before = withoutGroups
    withoutGroups = before.replaceAll(/\([^()]*\)/g, 'x')
  }
  return !/[*+]|\{\d+,\}/.test(withoutClasses) && !withoutGroups.includes('|')
}

const counts = (check: string, column: string): boolean =>
  new RegExp(`cardinality\\(${anywhere(column)}\\) <= \\d`).test(check) ||
  new RegExp(`tenancy\\.are_origins\\(${anywhere(column)}\\)`).test(check)

async function unbounded(): Promise<string[]> {
  const { rows } = await db.pool.query<Column>(columns)
  const all = new Map(rows.map((row) => [row.name, row]))
  const isBounded = (row: Column): boolean => {
    if (row.referenced && row.referenced !== row.name) {
      const referenced = all.get(row.referenced)
      if (!referenced || isBounded(referenced)) return true
    }
    if (row.name in exceptions || row.table in exceptions) return true
    if (row.isList) return row.checks.some((check) => counts(check, row.column))
    return row.isClosed || row.checks.some((check) => bounds(check, row.column))
  }
  return rows.filter((row) => !isBounded(row)).map(({ name }) => name)
}

describe('every column for text, JSON, bytes or a list', () => {
  it('has a limit of its size', async () => {
    expect(await unbounded()).toEqual([])
  })

  it('would be found without one', async () => {
    const { rows } = await db.pool.query<Column>(columns)
    expect(rows.length).toBeGreaterThan(200)
    expect(bounds("CHECK ((name ~ '^[a-z]+$'::text))", 'name')).toBe(false)
    expect(bounds("CHECK ((name ~ '^[a-z+*]{1,9}(a|b)?$'::text))", 'name')).toBe(true)
    expect(bounds("CHECK ((name ~ '^a|b$'::text))", 'name')).toBe(false)
    expect(bounds('CHECK ((length(other_name) <= 10))', 'name')).toBe(false)
    expect(bounds("CHECK ((jsonb_typeof(name) = 'object'::text))", 'name')).toBe(false)
  })

  it('is not excepted without need', async () => {
    const { rows } = await db.pool.query<Column>(columns)
    const known = new Set(rows.flatMap(({ name, table }) => [name, table]))
    expect(Object.keys(exceptions).filter((name) => !known.has(name))).toEqual([])
  })
})

describe('a function that bounds', () => {
  const long = 200_001
  const longValues = fc
    .constantFrom(
      'a',
      'A',
      '1',
      'ä',
      ' ',
      'https://a.test/',
      'a@b.test',
      '/a',
      'data:image/png;base64,',
      '#',
      'a.',
      '1.0.0-',
    )
    .chain((start) =>
      fc.constantFrom('a', 'A', '0', '-', '.', '/', '@', 'é').map((rest) => start + rest.repeat(long - start.length)),
    )

  it.each(boundingFunctions.filter((name) => /\.is_/.test(name)))('%s refuses every long text', async (name) => {
    await fc.assert(
      fc.asyncProperty(longValues, async (value) => {
        const { rows } = await db.pool.query(`select ${name}($1) as holds`, [value])
        expect(rows[0].holds).toBe(false)
      }),
      { numRuns: 40, seed: 12 },
    )
  })
  it.each([
    ['tenancy.are_origins($1::text[])', [Array.from({ length: 51 }, (_, i) => `https://a${i}.test`)]],
    ['tenancy.are_origins($1::text[])', [[`https://${'a'.repeat(long)}.test`]]],
    ['tenancy.are_permissions($1::jsonb)', [{ ['x'.repeat(long)]: true }]],
    ['tenancy.are_permissions($1::jsonb)', [{ can_edit_agents: 'x'.repeat(long) }]],
    ['tenancy.are_settings($1::jsonb, tenancy.preference_schema())', [{ language: `en${'-aa'.repeat(long)}` }]],
    ['tenancy.are_settings($1::jsonb, tenancy.preference_schema())', [{ timezone: 'A'.repeat(long) }]],
    ['billing.are_price_tiers($1::jsonb)', [JSON.stringify(Array.from({ length: 101 }, () => ({ unitAmount: 1 })))]],
  ])('%s refuses a large value', async (call, values) => {
    const { rows } = await db.pool.query(`select ${call} as holds`, values as unknown[])
    expect(rows[0].holds).toBe(false)
  })
})

describe('a limit', () => {
  /** The limits that core.limit_length and its kind have made, with the type of their column. */
  const limits = `
    select k.conrelid::regclass::text as table, a.attname as column, format_type(a.atttypid, null) as type, k.conname as name,
           obj_description(k.oid, 'pg_constraint') as words,
           (regexp_match(pg_get_constraintdef(k.oid), '<= (\\d+)'))[1]::int as most
      from pg_constraint k join pg_class c on c.oid = k.conrelid and not c.relispartition
      join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
     where k.conname ~ '_(is_not_too_long|are_not_too_many|is_not_too_large)$' and k.contype = 'c'`
  type Limit = { table: string; column: string; type: string; name: string; words: string; most: number }

  const entries: Record<string, unknown> = {
    'text[]': 'x',
    'uuid[]': '00000000-0000-4000-8000-000000000000',
    'inet[]': '192.0.2.1',
    'app_public.permission[]': 'can_edit_agents',
    'app_public.api_service[]': 'graphql',
    'app_public.report_parameter[]': {},
    'app_public.message_part[]': {},
  }

  /** A value whose size is the limit, or one above it. */
  function value({ type, most, name }: Limit, size: 'largest' | 'too large'): unknown {
    const extra = size === 'largest' ? 0 : 1
    if (name.endsWith('_are_not_too_many')) {
      const entry = entries[type] ?? 1
      return Array.from({ length: most + extra }, () => entry)
    }
    // the largest JSON is some bytes smaller than its limit, for what holds the text
    if (type === 'jsonb') return { text: 'x'.repeat(most + (size === 'largest' ? -100 : 1)) }
    if (type === 'bytea') return `\\x${'00'.repeat(most + extra)}`
    return 'x'.repeat(most + extra)
  }

  it('takes the largest value and refuses the next one with words that say how large it may be', async () => {
    const { rows } = await db.pool.query<Limit>(limits)
    expect(rows.length).toBeGreaterThan(100)
    for (const limit of rows.filter(({ most }) => most <= 1_000_000)) {
      const violated = async (size: 'largest' | 'too large') => {
        const violations = await db.pool.query(
          `select column_names, message from core.check_violations($1, $2) where constraint_name = $3`,
          [limit.table, JSON.stringify({ [limit.column]: value(limit, size) }), limit.name],
        )
        return violations.rows
      }
      expect([limit.table, limit.name, await violated('largest')]).toEqual([limit.table, limit.name, []])
      expect([limit.table, limit.name, await violated('too large')]).toEqual([
        limit.table,
        limit.name,
        [
          {
            column_names: [limit.column],
            message: expect.stringMatching(/^must have at most [\d,]+ (characters|entries|MB|kB|bytes)/),
          },
        ],
      ])
    }
  })

  it('counts the characters of a list, not only its entries', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      const insert = `insert into app_public.agents (name, use_cases) values ('a', array[repeat('x', $1::int)])`
      expect(await t.errorCode(insert, [20_001])).toBe('23514')
      expect(await t.errorCode(insert, [20_000])).toBeUndefined()
    }))
})

describe('a form', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startTestServer(db.url)
  })
  afterAll(() => server.close())

  const tooLong = fc.integer({ min: 10_001, max: 50_000 }).map((length) => 'x'.repeat(length))
  it.each([
    ['createAgent', 'agent', 'AgentInput', {}, 'changelog'],
    ['createPrompt', 'prompt', 'PromptInput', { promptText: 'x' }, 'category'],
    ['createTool', 'tool', 'ToolInput', { toolType: 'function' }, 'description'],
  ])('%s names the field that is too long', async (mutation, type, input, others, field) => {
    await fc.assert(
      fc.asyncProperty(tooLong, async (text) => {
        const { errors } = await server.ask(
          'owner@acme.test',
          `mutation ($input: ${input}!) { ${mutation}(input: {${type}: $input}) { __typename } }`,
          { input: { name: 'a', ...others, [field]: text } },
        )
        expect(errors?.[0]?.extensions).toMatchObject({ code: '23514', field, inputPath: ['input', type, field] })
        expect(errors?.[0]?.message).toMatch(new RegExp(`^${field} must have at most (10,000|255) characters$`))
      }),
      { numRuns: 5, seed: 12 },
    )
  })
})
