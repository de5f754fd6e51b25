// Erasing a person who has rows in every table, with a canary in every text of them: afterwards it is nowhere.

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { isRealServer, needsServer, useDatabase } from '../helpers/index.ts'
import { fillTables } from '../rls/rows/index.ts'
import { as, work } from './helpers.ts'

const db = useDatabase()
const canary = 'zzcanaryqx'
const run = promisify(execFile)

type Counts = Record<string, Record<string, number | string>>
type Erasure = { id: string; tenant_id: string; status: string; counts: Counts }
type Column = {
  table_name: string
  column_name: string
  kind: string
  action: string
  type: string
  person_of: string | null
}

async function columns(): Promise<Column[]> {
  const { rows } = await db.pool.query<Column>(`
    select p.table_name::text, p.column_name, p.kind, p.action, p.person_of,
           format_type(a.atttypid, null) as type
      from governance.personal_columns p
      join pg_attribute a on a.attrelid = p.table_name and a.attname = p.column_name
     order by p.table_name::text, p.ordinal`)
  return rows
}

/** Values with the canary for a column of this type, as SQL; none where a text does not fit. */
const withCanary = (type: string): string[] =>
  ({
    text: [`'${canary}'`],
    'text[]': [`array['${canary}']`],
    jsonb: [`'{"note": "${canary}"}'::jsonb`, `'[{"note": "${canary}"}]'::jsonb`],
    bytea: [`'${canary}'::bytea`],
  })[type] ?? []

/** Gives this person every row of the tenant that can be a person's, with the canary in each of its texts. */
async function plant(userId: string, tenantId: string): Promise<void> {
  const all = Map.groupBy(await columns(), ({ table_name }) => table_name)
  const client = await db.pool.connect()
  try {
    await client.query('begin')
    // The rows are made as they would be by hand: what refuses changes is not what is tested.
    await client.query(`set local session_replication_role = replica`)
    await client.query(`update app_public.user_profiles set email = '${canary}@example.test' where id = $1`, [userId])
    for (const [table, found] of all) {
      const tenantColumn = (await client.query('select governance.tenant_column($1) as c', [table])).rows[0].c
      const isProfile = table === 'app_public.user_profiles'
      if (!tenantColumn && !isProfile) continue
      const where = isProfile ? `id = '${userId}'` : `${tenantColumn} = '${tenantId}'`
      const keys = found.filter(({ kind }) => kind === 'key').map(({ column_name }) => `${column_name} = '${userId}'`)
      const { rows } = await client.query(
        `select id from (select ctid as id, ${keys.join(' or ') || 'true'} as is_own from ${table} where ${where}) r order by is_own desc nulls last limit 1`,
      )
      if (!rows[0]) continue
      let row = rows[0].id
      const values = found.flatMap(({ column_name: column, kind, type, action }) => {
        if (action === 'keep') return []
        if (kind === 'key') return column === 'id' ? [] : [`${column} = '${userId}'`]
        if (kind === 'address') return [`${column} = '${canary}@example.test'`]
        return withCanary(type).map((value) => `${column} = ${value}`)
      })
      if (values.length === 0) continue
      for (const value of values) {
        await client.query('savepoint one')
        // A column whose check refuses such a text cannot hold it either.
        try {
          row = (await client.query(`update ${table} set ${value} where ctid = $1 returning ctid`, [row])).rows[0].ctid
          await client.query('release savepoint one')
        } catch {
          await client.query('rollback to savepoint one')
        }
      }
    }
    await client.query('commit')
  } finally {
    client.release()
  }
}

const dump = async (): Promise<string> =>
  (await run(process.env.PG_DUMP ?? 'pg_dump', ['--data-only', '--inserts', db.url], { maxBuffer: 256 * 1024 * 1024 }))
    .stdout
const linesOfTenant = (text: string, tenantId: string): string[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('INSERT') && line.includes(tenantId))
    .sort()

/** Where a text is, by table and column; for engines without pg_dump too. */
async function placesOf(word: string): Promise<string[]> {
  const { rows } = await db.pool.query<{ name: string }>(
    `select c.oid::regclass::text as name from pg_class c where c.relkind in ('r', 'm') and c.relnamespace in (select core.schemas()) order by 1`,
  )
  const found: string[] = []
  for (const { name } of rows) {
    const { rows: hits } = await db.pool.query(
      `select count(*)::int as n from ${name} t where t::text like $1 or t::text like $2`,
      [`%${word}%`, `%${Buffer.from(word).toString('hex')}%`],
    )
    if (hits[0].n > 0) found.push(name)
  }
  return found
}

const erasureOf = async (id: string): Promise<Erasure> =>
  (await db.pool.query('select * from app_public.erasures where id = $1', [id])).rows[0]
/**
 * What was done to rows. What is kept may grow: the deletions themselves are audited. The postings of memories are counted by
 * the dry run alone: they go with the entries, by a trigger, before their own turn comes.
 */
const changes = (counts: Counts): Counts =>
  Object.fromEntries(
    Object.entries(counts)
      .filter(([table]) => table !== 'memory.postings')
      .map(([table, { reason: _reason, kept: _kept, ...actions }]) => [table, actions] as const)
      .filter(([, actions]) => Object.keys(actions).length > 0),
  )

/** Two documents in one block of the index: one of this person, whose words include the canary, and one that stays. */
async function index(userId: string, tenantId: string): Promise<void> {
  for (const [name, creator, words] of [
    ['hers', userId, `${canary} shared`],
    ['ours', null, 'other shared'],
  ]) {
    await db.pool.query(
      `with d as (
         insert into app_public.documents (tenant_id, source_id, external_id, title, content, size_bytes, content_hash, processing_stage, created_by_user_id)
         select tenant_id, id, $2::text, $2::text, $3::text, 1, sha256(convert_to($2::text, 'UTF8')), 'chunk', $4::uuid from app_public.rag_knowledge_sources where tenant_id = $1 limit 1
         returning *)
       insert into app_public.document_chunks (tenant_id, source_id, document_id, ordinal, content, start_offset, end_offset, content_tsvector, document_length)
       select tenant_id, source_id, id, 0, $3::text, 0, 1, to_tsvector('simple', $3::text), 2 from d`,
      [tenantId, name, words, creator],
    )
  }
  // as in a large tenant, whose vocabulary is a table of its own
  await db.pool.query(
    'create or replace function search.unlisted_term_limit() returns int language sql immutable parallel safe return 0',
  )
  await db.pool.query('select search.merge_index($1, 1)', [tenantId])
}

describe('the erasure of a person with rows in every table', () => {
  const { planted, before, after } = { planted: [] as string[], before: { dump: '' }, after: { dump: '' } }
  let dry: Erasure
  let done: Erasure

  beforeAll(async () => {
    await fillTables(db)
    // a notification by mail is a person's
    await db.pool.query(
      `update app_public.alert_notifications set channel = 'email', user_id = $1 where tenant_id = $2`,
      [db.acme.member.userId, db.acme.id],
    )
    const { member } = db.acme
    await plant(member.userId, db.acme.id)
    await index(member.userId, db.acme.id)
    planted.push(...(await placesOf(canary)))
    if (isRealServer()) before.dump = await dump()
    dry = await as(
      db,
      member,
      async (t) => (await t.query<Erasure>('select * from app_public.erase_person()'))[0] as Erasure,
    )
    const asked = await as(
      db,
      member,
      async (t) => (await t.query<Erasure>('select * from app_public.erase_person(is_dry_run => false)'))[0] as Erasure,
    )
    await work(db, 'governance__erase', { tenantId: asked.tenant_id, erasureId: asked.id })
    done = await erasureOf(asked.id)
    if (isRealServer()) after.dump = await dump()
  })

  it('planted the canary in every table that is a person’s', async () => {
    const expected = new Set(
      (await columns())
        .filter(
          ({ action, kind, type, table_name }) =>
            action !== 'keep' &&
            kind !== 'key' &&
            withCanary(type).length > 0 &&
            !table_name.startsWith('tenancy.user_id'),
        )
        .map(({ table_name }) => table_name),
    )
    expect(
      [...expected]
        .filter(
          (table) =>
            !planted.includes(table) &&
            !planted.some(
              (p) =>
                p.startsWith(`${table}_`) ||
                p.replace(/^(metering|observability|runtime)\./, 'app_public.').startsWith(`${table}_`),
            ),
        )
        .sort(),
    ).toEqual([])
  })

  it('takes the words of deleted documents out of the index, and leaves those of others', async () => {
    expect(planted).toEqual(expect.arrayContaining(['search.terms', 'search.rare_postings']))
    const { rows } = await db.pool.query(
      'select array_agg(u order by u) as terms from search.terms, unnest(search.listed_terms(terms)) u where tenant_id = $1',
      [db.acme.id],
    )
    expect(rows[0].terms).toEqual(expect.arrayContaining(['other', 'shared']))
    expect(rows[0].terms).not.toContain(canary)
  })

  it('leaves the canary nowhere, in no table, no index of the search and no view', async () => {
    expect(done.status).toBe('completed')
    expect(await placesOf(canary)).toEqual([])
  })

  it('leaves the canary nowhere in pg_dump', (context) => {
    needsServer(context, 'pg_dump needs a server')
    expect(before.dump).toContain(canary)
    const hex = Buffer.from(canary).toString('hex')
    expect(after.dump.split('\n').filter((line) => line.includes(canary) || line.includes(hex))).toEqual([])
  })

  it('does what the dry run counted', () => {
    expect(changes(done.counts)).toEqual(changes(dry.counts))
    expect(Object.keys(done.counts).length).toBeGreaterThan(15)
  })

  it('leaves the other tenant as it was', (context) => {
    needsServer(context, 'pg_dump needs a server')
    expect(linesOfTenant(before.dump, db.globex.id).length).toBeGreaterThan(50)
    expect(linesOfTenant(after.dump, db.globex.id)).toEqual(linesOfTenant(before.dump, db.globex.id))
  })

  it('ends memberships and logins, and leaves a profile that says nothing', async () => {
    const { userId } = db.acme.member
    const { rows } = await db.pool.query('select * from app_public.user_profiles where id = $1', [userId])
    expect(rows[0]).toMatchObject({ email: `erased-${userId}@erased.invalid`, full_name: null, is_active: false })
    for (const table of ['app_public.user_tenants', 'tenancy.user_identities', 'app_public.user_sessions'])
      expect((await db.pool.query(`select from ${table} where user_id = $1`, [userId])).rowCount).toBe(0)
  })

  it('keeps the invoices, and the books still add up', async () => {
    expect((await db.pool.query('select * from billing.verify_billing($1)', [db.acme.id])).rows).toEqual([])
    expect(
      (await db.pool.query('select from app_public.invoices where tenant_id = $1', [db.acme.id])).rowCount,
    ).toBeGreaterThan(0)
  })

  it('enters the hash of its receipt into the audit', async () => {
    const { rows } = await db.pool.query(
      `select l.details ->> 'sha256' = encode(r.hash, 'hex') as is_sealed
         from audit.ledger l join governance.erasure_receipts r on r.id::text = l.row_key
        where l.kind = 'compliance' and l.operation = 'erased' and r.id = $1`,
      [done.id],
    )
    expect(rows).toEqual([{ is_sealed: true }])
  })

  it('leaves a receipt with counts and a hash that nobody can change', async () => {
    const { rows } = await db.pool.query(
      `select r.counts, r.user_id, r.hash = sha256(convert_to(governance.receipt_json(r), 'UTF8')) as is_true
         from governance.erasure_receipts r where r.id = $1`,
      [done.id],
    )
    expect(rows).toMatchObject([{ counts: done.counts, user_id: db.acme.member.userId, is_true: true }])
    for (const statement of [
      "update governance.erasure_receipts set counts = '{}'",
      'delete from governance.erasure_receipts',
      'truncate governance.erasure_receipts',
    ])
      await expect(db.pool.query(statement)).rejects.toMatchObject({ code: 'RT902' })
  })
})
