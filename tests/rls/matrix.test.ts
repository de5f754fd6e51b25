// The wall, for every table the catalogue knows × every command. Each test opens all doors first (all privileges, a
// policy that lets everything through, no triggers), so that nothing but the wall itself stands between acme and a row of globex.

import { beforeAll, describe, expect, it } from 'vitest'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { fillTables } from './rows/index.ts'

const db = useDatabase()
let tables: string[] = []

beforeAll(async () => {
  await fillTables(db)
  const { rows } = await db.pool.query<{ name: string }>(`
    select c.oid::regclass::text as name
      from pg_class c join pg_namespace n on n.oid = relnamespace
     where nspname in (select nspname from pg_namespace where nspowner = 'rowhouse_owner'::regrole) and relkind in ('r', 'p') and not relispartition
       and c.oid not in (select target from core.global_tables())
     order by 1`)
  tables = rows.map(({ name }) => name)
})

/** Everything but the wall is open to rowhouse_user. */
async function openDoors(t: Transaction, table: string): Promise<void> {
  await t.query(`grant usage on schema ${table.split('.')[0]} to rowhouse_user`)
  await t.query(`grant all on ${table} to rowhouse_user`)
  // a rule of the table's own would answer in the wall's place
  await t.query(`alter table ${table} disable trigger user`)
  await t.query(`create policy everything on ${table} to rowhouse_user using (true) with check (true)`)
}

async function columnsOf(t: Transaction, table: string): Promise<string> {
  return t.value(
    `select string_agg(quote_ident(attname), ', ') from pg_attribute
      where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = ''`,
    [table],
  )
}

const forEachTable = (work: (t: Transaction, table: string) => Promise<void>) => async (): Promise<void> => {
  for (const table of tables) {
    await db.inTransaction(async (t) => {
      await openDoors(t, table)
      await work(t, table)
    })
  }
}

describe('with every door open, the wall alone keeps a user of acme from globex', () => {
  it('there are tables to test, and each has a row of both tenants', async () => {
    expect(tables.length).toBeGreaterThanOrEqual(9)
    await db.inTransaction(async (t) => {
      for (const table of tables) {
        expect([
          table,
          await t.value(`select count(distinct tenant_id)::int from ${table} where tenant_id in ($1, $2)`, [
            db.acme.id,
            db.globex.id,
          ]),
        ]).toEqual([table, 2])
      }
    })
  })

  it(
    'select sees the own rows and no other',
    forEachTable(async (t, table) => {
      await t.become(db.acme.owner)
      expect([table, await t.value(`select array_agg(distinct tenant_id) from ${table}`)]).toEqual([
        table,
        [db.acme.id],
      ])
    }),
  )

  it(
    'without a tenant, nothing is seen',
    forEachTable(async (t, table) => {
      await t.becomeRole('rowhouse_user')
      expect([table, await t.value(`select count(*)::int from ${table}`)]).toEqual([table, 0])
    }),
  )

  it(
    'insert is refused',
    forEachTable(async (t, table) => {
      const columns = await columnsOf(t, table)
      await t.query(`create temp table copied as select * from ${table} where tenant_id = $1 limit 1`, [db.globex.id])
      await t.query(`grant select on copied to rowhouse_user`)
      await t.become(db.acme.owner)
      const code = await t.errorCode(
        `insert into ${table} (${columns}) overriding system value select ${columns} from copied`,
      )
      expect([table, code]).toEqual([table, '42501'])
    }),
  )

  it(
    'update changes nothing',
    forEachTable(async (t, table) => {
      await t.become(db.acme.owner)
      const changed = await t.query(
        `update ${table} set tenant_id = tenant_id where tenant_id = $1 returning 1 as one`,
        [db.globex.id],
      )
      expect([table, changed]).toEqual([table, []])
    }),
  )

  it(
    'delete removes nothing',
    forEachTable(async (t, table) => {
      await t.become(db.acme.owner)
      await t.query(`delete from ${table} where tenant_id = $1`, [db.globex.id])
      await t.becomeSuperuser()
      expect([
        table,
        await t.value(`select count(*)::int > 0 from ${table} where tenant_id = $1`, [db.globex.id]),
      ]).toEqual([table, true])
    }),
  )

  it(
    'a row cannot be moved to globex',
    forEachTable(async (t, table) => {
      await t.become(db.acme.owner)
      const code = await t.errorCode(`update ${table} set tenant_id = $1 where tenant_id = $2`, [
        db.globex.id,
        db.acme.id,
      ])
      expect([table, code]).toEqual([table, '42501'])
    }),
  )

  it(
    'the owner of the tables stands before the same wall',
    forEachTable(async (t, table) => {
      await t.becomeRole('rowhouse_owner', db.acme.id)
      expect([table, await t.value(`select array_agg(distinct tenant_id) from ${table}`)]).toEqual([
        table,
        [db.acme.id],
      ])
    }),
  )
})

describe('what globex shares with everyone', () => {
  const forEachShared = (work: (t: Transaction, table: string) => Promise<void>) => async (): Promise<void> => {
    const { rows } = await db.pool.query<{ name: string }>(
      `select catalog.resource_table(k)::text as name from unnest(enum_range(null::app_public.resource_kind)) k`,
    )
    expect(rows).toHaveLength(5)
    for (const { name } of rows) {
      await db.inTransaction(async (t) => {
        await openDoors(t, name)
        await t.query(`update ${name} set sharing_mode = 'platform', status = 'active' where tenant_id = $1`, [
          db.globex.id,
        ])
        await t.become(db.acme.owner)
        await work(t, name)
      })
    }
  }
  const ofGlobex = (t: Transaction, table: string): Promise<unknown> =>
    t.value(`select count(*)::int from ${table} where tenant_id = $1`, [db.globex.id])

  it(
    'acme sees, with every door open, next to its own rows',
    forEachShared(async (t, table) => {
      expect([table, await ofGlobex(t, table)]).toEqual([table, 1])
      expect(await t.value(`select count(distinct tenant_id)::int from ${table}`)).toBe(2)
    }),
  )

  it(
    'acme cannot update, delete, lock, move or take over',
    forEachShared(async (t, table) => {
      const where = `where tenant_id = '${db.globex.id}'`
      for (const attempt of [
        `update ${table} set name = 'taken' ${where} returning 1 as one`,
        `update ${table} set tenant_id = '${db.acme.id}' ${where} returning 1 as one`,
        `delete from ${table} ${where} returning 1 as one`,
        `select 1 as one from ${table} ${where} for update`,
        `select 1 as one from ${table} ${where} for share`,
      ]) {
        expect([table, attempt, await t.query(attempt)]).toEqual([table, attempt, []])
      }
      const columns = await columnsOf(t, table)
      const values = columns.replace(/\bid\b/, 'gen_random_uuid()').replace(/\bname\b/, `'another'`)
      expect(await t.errorCode(`insert into ${table} (${columns}) select ${values} from ${table} ${where}`)).toBe(
        '42501',
      )
    }),
  )

  it(
    'no one sees without a tenant, nor a definer function of the owner or the worker',
    forEachShared(async (t, table) => {
      for (const [role, tenant] of [
        ['rowhouse_user', ''],
        ['rowhouse_owner', db.acme.id],
      ] as const) {
        await t.becomeRole(role, tenant)
        expect([table, role, await ofGlobex(t, table)]).toEqual([table, role, 0])
      }
    }),
  )

  it('is more than security_gaps() lets any other table do', async () => {
    await db.inTransaction(async (t) => {
      await t.query(`call catalog.secure_shareable_table('app_public.workspaces', 'agent')`)
      await t.query(`drop policy tenant_isolation_of_updates on app_public.agents`)
      const gaps = await t.query('select object from core.security_gaps() order by object')
      expect(gaps.map(({ object }) => object)).toEqual(['app_public.agents', 'app_public.workspaces'])
    })
  })
})

describe('roles as they are granted', () => {
  const visible = `
    select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = relnamespace
     where nspname in (select nspname from pg_namespace where nspowner = 'rowhouse_owner'::regrole) and relkind in ('r', 'p')
       and has_any_column_privilege($1, c.oid, 'select, insert, update, references') and has_schema_privilege($1, n.oid, 'usage')`

  it.each(['rowhouse_authenticator', 'rowhouse_worker'])('%s reads and writes no table at all', async (role) => {
    const client = await db.pool.connect()
    try {
      await client.query('begin')
      // what the role may by itself, not what it may become
      const { rows } = await client.query(visible, [role])
      expect(rows).toEqual([])
    } finally {
      await client.query('rollback')
      client.release()
    }
  })

  it("rowhouse_user reads of internal tables only those whose rows are their own or their permission's, and writes none", async () => {
    const { rows } = await db.pool.query(
      `select c.oid::regclass::text as name, has_any_column_privilege('rowhouse_user', c.oid, 'insert, update') or
              has_table_privilege('rowhouse_user', c.oid, 'delete, truncate') as writes
         from pg_class c join pg_namespace n on n.oid = relnamespace
        where nspname in (select nspname from pg_namespace where nspowner = 'rowhouse_owner'::regrole) and nspname <> 'app_public'
          and relkind in ('r', 'p') and has_any_column_privilege('rowhouse_user', c.oid, 'select, insert, update') order by 1`,
    )
    expect(rows).toEqual(
      [
        'audit.ledger',
        'conversation.branches',
        'knowledge.document_files',
        'metering.llm_calls',
        'metering.llm_texts',
        'metering.usage_days',
        'metering.usage_minutes',
        'observability.operation_days',
      ].map((name) => ({
        name,
        writes: false,
      })),
    )
  })

  it('an analyst reads the reports of the tenants the own login was given, and only those', async (context) => {
    const { needsServer } = await import('../helpers/index.ts')
    needsServer(context, 'needs a login of its own')
    const login = `analyst_${crypto.randomUUID().slice(0, 8)}`
    await db.pool.query(`create role ${login} login password 'x' in role rowhouse_analyst`)
    const pg = (await import('pg')).default
    const url = new URL(db.url)
    url.username = login
    url.password = 'x'
    const analyst = new pg.Client({ connectionString: url.toString() })
    try {
      for (const tenant of [db.acme, db.globex]) {
        await db.pool.query(`insert into app_public.rag_knowledge_sources (tenant_id, name) values ($1, 'report')`, [
          tenant.id,
        ])
      }
      await db.pool.query('select tenancy.grant_analyst_access($1, $2)', [login, db.acme.id])
      await analyst.connect()
      const slugs = async (): Promise<string[]> =>
        (
          await analyst.query<{ slug: string }>(
            'select distinct t.slug from analytics.dim_sources s join analytics.dim_tenants t using (tenant_id)',
          )
        ).rows.map(({ slug }) => slug)
      expect(await slugs()).toEqual(['acme'])
      // what anyone with a login can set changes nothing
      await analyst.query(`select set_config('rowhouse.tenant_id', $1, false)`, [db.globex.id])
      expect(await slugs()).toEqual(['acme'])
      await expect(analyst.query('select content from app_public.documents')).rejects.toMatchObject({ code: '42501' })
      await expect(analyst.query('set role rowhouse_user')).rejects.toMatchObject({ code: '42501' })
      await expect(analyst.query(`select * from app_public.search('x')`)).rejects.toMatchObject({ code: '42501' })
      await db.pool.query('select tenancy.revoke_analyst_access($1, $2)', [login, db.acme.id])
      expect(await slugs()).toEqual([])
    } finally {
      await analyst.end()
      await db.pool.query(`drop role ${login}`)
    }
  })
})
