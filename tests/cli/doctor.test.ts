// doctor tells the truth: what a database has lost is named, with what to do, and migrate brings back what it can.

import type pg from 'pg'
import { describe, expect, it } from 'vitest'
import { sqlOf } from '../../scripts/generate.ts'
import { objectsOf, presentObjects } from '../../server/expected-objects.ts'
import { findings } from '../../server/inspection.ts'
import { migrateUp } from '../../server/migrations.ts'
import { isNewer, version } from '../../server/version.ts'
import { cloneTemplate, isRealServer, needsServer, useDatabase } from '../helpers/index.ts'
import { run } from '../helpers/processes.ts'

const db = useDatabase()
const doctor = (url = db.url): ReturnType<typeof run> => run('scripts/doctor.ts', [], { DATABASE_URL: url })
const lastLine = (output: string): string => output.trim().split('\n').at(-1) ?? ''

async function found(): Promise<string[]> {
  return (await findings(db.pool)).map(({ what }) => what)
}

/** One of each kind; the finding it must make, and whether migrate mends it. */
const damages: { does: string; statement: string; finding: string; isMended: boolean }[] = [
  {
    does: 'row level security is off',
    statement: 'alter table app_public.agents disable row level security',
    finding: 'Row level security is not enabled on app_public.agents.',
    isMended: true,
  },
  {
    does: 'row level security does not bind the owner',
    statement: 'alter table app_public.tools no force row level security',
    finding: 'Row level security is not forced on app_public.tools.',
    isMended: true,
  },
  {
    does: 'the wall is down',
    statement: 'drop policy tenant_isolation on app_public.documents',
    finding: 'The policy tenant_isolation on app_public.documents is missing.',
    isMended: true,
  },
  {
    does: 'a trigger is disabled',
    statement: 'alter table app_public.projects disable trigger _000_require_writable_tenant',
    finding: 'The trigger _000_require_writable_tenant on app_public.projects is disabled.',
    isMended: true,
  },
  {
    does: 'a trigger is gone',
    statement: 'drop trigger _000_require_writable_tenant on app_public.workspaces',
    finding: 'The trigger _000_require_writable_tenant on app_public.workspaces is missing.',
    isMended: true,
  },
  {
    does: 'an index is gone',
    statement: 'drop index app_public.agent_knowledge_sources_source_id_idx',
    finding: 'The index app_public.agent_knowledge_sources_source_id_idx is missing.',
    isMended: true,
  },
  {
    does: 'a function is gone',
    statement: 'drop function app_public.refresh_materialized_view',
    finding: 'The function app_public.refresh_materialized_view is missing.',
    isMended: true,
  },
  {
    does: 'a view is gone',
    statement: 'drop view app_public.materialized_view_alerts',
    finding: 'The view app_public.materialized_view_alerts is missing.',
    isMended: true,
  },
  {
    does: 'a materialized view is empty',
    statement: 'refresh materialized view observability.mv_popular_agents with no data',
    finding: 'The materialized view observability.mv_popular_agents is not populated.',
    isMended: true,
  },
  {
    does: 'a constraint is gone',
    statement: 'alter table observability.materialized_views drop constraint stale_after_is_positive',
    finding: 'The constraint stale_after_is_positive on observability.materialized_views is missing.',
    isMended: false,
  },
  {
    does: 'a table is gone',
    statement: 'drop table observability.materialized_view_alerts cascade',
    finding: 'The table observability.materialized_view_alerts is missing.',
    isMended: false,
  },
  {
    does: 'everyone may execute a function',
    statement: 'grant execute on function observability.popular_agents to public',
    finding: 'Security gap: observability.popular_agents(): everyone may execute it.',
    isMended: false,
  },
  {
    does: 'a job failed for good',
    statement: `select graphile_worker.add_job('catalog__watch_views');
                update graphile_worker._private_jobs set attempts = max_attempts`,
    finding: '1 job of the task catalog__watch_views failed for good.',
    isMended: false,
  },
]

describe('doctor', () => {
  it('finds nothing in a database that is whole', async () => {
    expect(await found()).toEqual([])
  })

  it.each(damages)('says so when $does', async ({ statement, finding }) => {
    await db.inTransaction(async (t) => {
      await t.query(statement)
      const inside = await findings({ query: async (text: string) => ({ rows: await t.query(text) }) } as pg.Pool)
      expect(inside.map(({ what }) => what)).toContain(finding)
      for (const { toDo } of inside) expect(toDo).toMatch(/\S/)
    })
  })

  it('says it in its last line and its exit code, and migrate mends what it can', async (context) => {
    needsServer(context, 'DATABASE_URL names a server')
    const mended = damages.filter(({ isMended }) => isMended)
    for (const { statement } of mended) await db.pool.query(statement)
    const before = await doctor()
    expect(before.code).toBe(1)
    for (const { finding } of mended) expect(before.output).toContain(finding)
    expect(lastLine(before.output)).toMatch(/^Not in order: \d+ findings\. To do first: npm run migrate$/)
    expect(before.output).not.toContain('Everything is in order.')
    await migrateUp(db.url)
    expect(await found()).toEqual([])
    const after = await doctor()
    expect([after.code, lastLine(after.output)]).toEqual([0, 'Everything is in order.'])
  })

  it('answers when a first migration failed and left only an empty table of migrations', async (context) => {
    needsServer(context, 'DATABASE_URL names a server')
    await db.pool.query(`create schema saved; alter table rowhouse_migrations.rules set schema saved`)
    const outcome = await doctor()
    await db.pool.query(`alter table saved.rules set schema rowhouse_migrations; drop schema saved`)
    expect(outcome).toMatchObject({ code: 1, output: expect.stringContaining('To do: npm run migrate.') })
  })

  it('knows every object of a database, so that none can go unseen', async (context) => {
    if (!isRealServer()) context.skip('pg_dump needs a server of its own version')
    const known = new Set(objectsOf(await sqlOf(db.url)).map(({ kind, name }) => `${kind} ${name}`))
    // pg_dump writes neither the rows' types, nor the arrays, nor what belongs to a constraint or to an identity column
    const { rows } = await db.pool.query<{ object: string }>(`
      select kind || ' ' || name as object from (${presentObjects}) as present
       where kind <> 'type'
         and not (kind = 'trigger' and name like '"RI_ConstraintTrigger%')
         and not (kind = 'index' and exists (select from pg_constraint where conindid = name::regclass))
         and not (kind = 'sequence' and exists (
               select from pg_depend where objid = name::regclass and classid = 'pg_class'::regclass and deptype = 'i'))
         and not (kind = 'constraint' and exists (select from pg_constraint k where quote_ident(k.conname) || ' on ' || k.conrelid::regclass = name and k.conparentid <> 0))
         and not (kind = 'trigger' and exists (select from pg_trigger g where quote_ident(g.tgname) || ' on ' || g.tgrelid::regclass = name and g.tgparentid <> 0))`)
    expect(rows.length).toBeGreaterThan(1000)
    expect(rows.map(({ object }) => object).filter((object) => !known.has(object))).toEqual([])
  })
})

describe('an older version', () => {
  it('refuses the rules of a newer one before it touches anything', async () => {
    const clone = await cloneTemplate()
    try {
      const { default: pg } = await import('pg')
      const client = new pg.Client({ connectionString: clone.url })
      await client.connect()
      await client.query(`update rowhouse_migrations.rules set version = '999.0.0', hash = 'newer'`)
      await expect(migrateUp(clone.url)).rejects.toThrow(/999\.0\.0.*\nNothing was changed/)
      const { rows } = await client.query('select version, hash from rowhouse_migrations.rules')
      expect(rows).toEqual([{ version: '999.0.0', hash: 'newer' }])
      await client.end()
      if (!isRealServer()) return
      const said = await doctor(clone.url)
      expect(said).toMatchObject({ code: 1, output: expect.stringContaining('999.0.0') })
      const server = await run('server.ts', [], { DATABASE_URL: clone.url, PORT: '0' })
      expect(server).toMatchObject({ code: 1, output: expect.stringContaining('a newer version of Rowhouse') })
    } finally {
      await clone.drop()
    }
  })

  it('is told by the numbers of the version', () => {
    expect(isNewer('0.10.0', '0.9.9')).toBe(true)
    expect(isNewer('1.0.0', '1.0.0-rc.1')).toBe(true)
    expect(isNewer('1.0.0-rc.10', '1.0.0-rc.9')).toBe(true)
    expect(isNewer('1.0.0-rc.1', '1.0.0')).toBe(false)
    expect(isNewer(version, version)).toBe(false)
  })

  it('takes over a database whose version was not written down', async () => {
    const clone = await cloneTemplate()
    try {
      const { default: pg } = await import('pg')
      const client = new pg.Client({ connectionString: clone.url })
      await client.connect()
      await client.query('alter table rowhouse_migrations.rules drop column version')
      await migrateUp(clone.url)
      expect((await client.query('select version from rowhouse_migrations.rules')).rows).toEqual([{ version }])
      await client.end()
    } finally {
      await clone.drop()
    }
  })
})
