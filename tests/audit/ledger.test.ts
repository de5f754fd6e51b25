// What the ledger has: who changed what, on which tables, and what must not be shown.

import { beforeAll, describe, expect, it } from 'vitest'
import { type Transaction, useDatabase } from '../helpers/index.ts'

const db = useDatabase()

const lastEntry = (t: Transaction, table: string): Promise<Record<string, unknown> | undefined> =>
  t.query('select * from audit.ledger where table_name = $1 order by id desc limit 1', [table]).then(([entry]) => entry)

const addTag = (t: Transaction, name: string): Promise<string> =>
  t.value(`insert into app_public.tags (name, slug) values ($1, replace($1, ' ', '-')) returning id`, [name])

describe('which tables are recorded', () => {
  it('every table of a tenant is tracked, or is in the list of exceptions with a reason', async () => {
    const { rows } = await db.pool.query(`
      select c.oid::regclass::text as name
        from pg_class c
       where c.relnamespace in (select core.schemas()) and c.relkind in ('r', 'p') and not c.relispartition
         and c.relnamespace <> 'audit'::regnamespace
         and c.oid not in (select target from core.global_tables())
         and c.oid::regclass::text not in (select table_name from audit.tracked_tables)
         and c.oid::regclass::text not in (select table_name from audit.untracked_tables)`)
    expect(rows).toEqual([])
  })

  it('no table is in both lists', async () => {
    const { rows } = await db.pool.query(
      'select table_name from audit.tracked_tables join audit.untracked_tables using (table_name)',
    )
    expect(rows).toEqual([])
  })

  it('each tracked table has its three recorders, which run in a replica, too', async () => {
    const { rows } = await db.pool.query(`
      select t.table_name from audit.tracked_tables t
       where 3 <> (select count(*) from pg_trigger g
                    where g.tgrelid = t.table_name::regclass and g.tgname like '\\_900\\_record\\_%' and g.tgenabled = 'A')`)
    expect(rows).toEqual([])
  })

  it('a recorder reads every column of its table that is not kept by rules', async () => {
    await db.inTransaction(async (t) => {
      await t.query(`set local role rowhouse_owner`)
      await t.query(
        `create table core.recorded (id int primary key, tenant_id uuid not null, a text, updated_at timestamptz)`,
      )
      expect(await t.query(`select name from audit.recorded_columns('core.recorded', '{}')`)).toEqual([
        { name: 'id' },
        { name: 'tenant_id' },
        { name: 'a' },
      ])
    })
  })
})

describe('a change', () => {
  it('is recorded with the columns that changed, their old and their new value', async () => {
    await db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      const id = await addTag(t, 'first')
      await t.query(`update app_public.tags set name = 'second' where id = $1`, [id])
      await t.becomeSuperuser()
      expect(await lastEntry(t, 'app_public.tags')).toMatchObject({
        tenant_id: db.acme.id,
        kind: 'data',
        operation: 'update',
        row_key: id,
        changes: { name: ['first', 'second'] },
      })
    })
  })

  it('of no value is not recorded', async () => {
    await db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      const id = await addTag(t, 'same')
      await t.query('update app_public.tags set name = name where id = $1', [id])
      await t.becomeSuperuser()
      expect(await lastEntry(t, 'app_public.tags')).toMatchObject({ operation: 'insert', row_key: id })
    })
  })

  it('of a key is recorded as the end of one row and the beginning of another', async () => {
    await db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      const id = await addTag(t, 'moved')
      await t.becomeSuperuser()
      const other = await t.value<string>('select gen_random_uuid()')
      await t.query('update app_public.tags set id = $2 where id = $1', [id, other])
      const entries = await t.query(
        `select row_key, changes -> 'id' as id from audit.ledger where operation = 'update' and row_key = any ($1) order by changes #>> '{id,0}' nulls last`,
        [[id, other]],
      )
      expect(entries).toEqual([
        { row_key: id, id: [id, null] },
        { row_key: other, id: [null, other] },
      ])
    })
  })

  it('of many rows by one statement is recorded for each row, also after a statement of one row', async () => {
    await db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      await addTag(t, 'alone')
      await t.query(`update app_public.tags set description = 'one'`)
      await t.query(
        `insert into app_public.tags (name, slug) select 'many ' || n, 'many-' || n from generate_series(1, 500) n`,
      )
      await t.query(`update app_public.tags set description = 'all'`)
      await t.query('delete from app_public.tags')
      await t.becomeSuperuser()
      expect(
        await t.query(
          `select operation, count(distinct row_key)::int as n from audit.ledger where table_name = 'app_public.tags' group by 1 order by 1`,
        ),
      ).toEqual([
        { operation: 'delete', n: 501 },
        { operation: 'insert', n: 501 },
        { operation: 'update', n: 501 },
      ])
    })
  })

  it('that is rolled back is not recorded', async () => {
    await db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      await t.query('savepoint before')
      await addTag(t, 'never')
      await t.query('rollback to savepoint before')
      await t.becomeSuperuser()
      expect(await lastEntry(t, 'app_public.tags')).toBeUndefined()
    })
  })

  it('of a value that is too long leaves its hash', async () => {
    await db.inTransaction(async (t) => {
      await t.query(`select set_config('rowhouse.tenant_id', $1, true)`, [db.acme.id])
      const long = 'é'.repeat(5000)
      const id = await t.value<string>(
        `insert into app_public.agents (tenant_id, name, display_name, system_prompt) values ($1, 'long', 'Long', $2) returning id`,
        [db.acme.id, long],
      )
      const hash = await t.value(`select encode(sha256(convert_to($1, 'UTF8')), 'hex')`, [long])
      const [entry] = await t.query(`select changes from audit.ledger where row_key = $1`, [id])
      expect(entry?.changes).toMatchObject({ system_prompt: [null, { sha256: hash, bytes: 10000 }] })
    })
  })

  it('by the deletion of a tenant stays in the ledger of that tenant', async () => {
    await db.inTransaction(async (t) => {
      const id = await t.value<string>(
        `select (tenancy.provision_tenant('gone', 'Gone', 'owner@gone.test', 'Owner', 'organization')).id`,
      )
      await t.query('delete from app_public.tenants where id = $1', [id])
      expect(
        await t.value<number>(
          `select count(*)::int from audit.ledger where tenant_id = $1 and operation = 'delete' and table_name = 'app_public.tenants'`,
          [id],
        ),
      ).toBe(1)
    })
  })
})

describe('personal data and secrets', () => {
  it('a column that is tagged as personal or named by redact is recorded without its value', async () => {
    await db.inTransaction(async (t) => {
      await t.query('set local role rowhouse_owner')
      await t.query('grant create on schema audit, core to rowhouse_platform')
      await t.query(`
        create table core.recorded (
          tenant_id uuid not null, id int primary key, plain text, erased text, pseudonym text, kept text, named text);
        comment on column core.recorded.erased is 'A name.\n@personal erase';
        comment on column core.recorded.pseudonym is '@personal pseudonymise';
        comment on column core.recorded.kept is '@personal keep The law wants it.';
        call audit.track('core.recorded', 'named')`)
      await t.query('set local role rowhouse_platform')
      await t.query('call audit.write_recorders()')
      await t.query('set local role rowhouse_owner')
      await t.query('call audit.put_recorders()')
      await t.query(`insert into core.recorded values ($1, 1, 'a', 'b', 'c', 'd', 'e')`, [db.acme.id])
      await t.query(`update core.recorded set erased = 'canary', pseudonym = null, kept = 'f'`)
      await t.becomeSuperuser()
      const entries = await t.query<{ changes: object }>(
        `select changes from audit.ledger where table_name = 'core.recorded' order by id`,
      )
      const redacted = { redacted: true }
      expect(entries.map(({ changes }) => changes)).toEqual([
        {
          id: [null, 1],
          tenant_id: [null, db.acme.id],
          plain: [null, 'a'],
          erased: [null, redacted],
          pseudonym: [null, redacted],
          kept: [null, 'd'],
          named: [null, redacted],
        },
        { erased: [redacted, redacted], pseudonym: [redacted, null], kept: ['d', 'f'] },
      ])
    })
  })

  it('of vault nothing but keys is recorded in clear', async () => {
    const { rows } = await db.pool.query<{ table_name: string; column: string; value: unknown }>(`
      select l.table_name, c.key as column, v.value
        from audit.ledger l, jsonb_each(l.changes) c, jsonb_array_elements(c.value) v
       where l.table_name like 'vault.%' and v.value not in ('null', '{"redacted": true}')
         and c.key not in ('tenant_id', 'id', 'invitation_id')`)
    expect(rows).toEqual([])
  })
})

describe('who acted', () => {
  const actorOf = async (t: Transaction): Promise<Record<string, unknown> | undefined> => {
    await t.becomeSuperuser()
    return lastEntry(t, 'app_public.tags')
  }

  it('is the person of a request, with the request and its address', async () => {
    await db.inTransaction(async (t) => {
      await t.become(db.acme.admin)
      await t.query(
        `select set_config('rowhouse.request_id', 'req-1', true), set_config('rowhouse.ip', '203.0.113.9', true)`,
      )
      await addTag(t, 'mine')
      expect(await actorOf(t)).toMatchObject({
        actor: 'user',
        actor_user_id: db.acme.admin.userId,
        actor_role: 'rowhouse_user',
        request_id: 'req-1',
        ip: '203.0.113.9',
      })
    })
  })

  it('is the key that was used, for the person on whose behalf it acts', async () => {
    await db.inTransaction(async (t) => {
      const key = await t.value<string>(
        `insert into app_public.api_keys (tenant_id, name, key_type, environment, prefix, role, permissions, created_by_user_id)
         values ($1, 'Nightly import', 'admin', 'live', 'rh_live_0000', 'admin', '{can_create_resources,can_edit_resources,can_manage_settings}', $2) returning id`,
        [db.acme.id, db.acme.admin.userId],
      )
      await t.become(db.acme.admin)
      await t.query(
        `select set_config('rowhouse.api_key_id', $1, true), set_config('rowhouse.on_behalf_of_user_id', $2, true)`,
        [key, db.acme.member.userId],
      )
      await addTag(t, 'by key')
      expect(await actorOf(t)).toMatchObject({
        actor: 'key',
        actor_key_id: key,
        on_behalf_of_user_id: db.acme.member.userId,
      })
    })
  })

  it('is platform staff in a tenant that they entered', async () => {
    await db.inTransaction(async (t) => {
      await t.become({ ...db.platform.owner, tenantId: db.acme.id }, 'rowhouse_admin')
      await addTag(t, 'by staff')
      expect(await actorOf(t)).toMatchObject({
        tenant_id: db.acme.id,
        actor: 'staff',
        actor_user_id: db.platform.owner.userId,
      })
    })
  })

  it('is a task of the worker, by its name, and without a name the worker', async () => {
    await db.inTransaction(async (t) => {
      await t.becomeRole('rowhouse_worker', db.acme.id)
      await t.query(`select set_config('rowhouse.task', 'audit__seal', true)`)
      await t.query(`select audit.record('system', 'first')`)
      await t.query(`select set_config('rowhouse.task', '', true)`)
      await t.query(`select audit.record('system', 'second')`)
      await t.becomeSuperuser()
      expect(
        await t.query(`select operation, actor, actor_name from audit.ledger where kind = 'system' order by id`),
      ).toEqual([
        { operation: 'first', actor: 'system', actor_name: 'audit__seal' },
        { operation: 'second', actor: 'system', actor_name: 'worker' },
      ])
    })
  })

  it('in psql is the login, whatever context it sets', async () => {
    await db.inTransaction(async (t) => {
      const login = await t.value('select session_user::text')
      await t.query(`select set_config('rowhouse.api_key_id', gen_random_uuid()::text, true)`)
      await t.query(`insert into app_public.tags (tenant_id, name, slug) values ($1, 'by hand', 'by-hand')`, [
        db.acme.id,
      ])
      expect(await actorOf(t)).toMatchObject({ actor: 'login', actor_name: login, actor_key_id: null })
    })
  })
})

describe('nobody changes the ledger', () => {
  beforeAll(async () => {
    await db.pool.query(`select audit.record('system', 'started', $1)`, [db.acme.id])
  })

  for (const role of ['rowhouse_user', 'rowhouse_worker', 'rowhouse_admin', 'rowhouse_platform', 'rowhouse_owner']) {
    it(`${role} may not update, delete or truncate`, async () => {
      await db.inTransaction(async (t) => {
        await t.becomeRole(role, db.acme.id)
        for (const statement of [
          `update audit.ledger set operation = 'other'`,
          'delete from audit.ledger',
          'truncate audit.ledger',
        ])
          expect([statement, await t.errorCode(statement)]).toEqual([statement, '42501'])
      })
    })
  }

  it('a superuser is refused too, also as a replica and in a partition, as long as no trigger is turned off', async () => {
    await db.inTransaction(async (t) => {
      await t.query('select audit.create_partitions()')
      const partitions = await t.query<{ name: string }>(
        `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'audit.ledger'::regclass`,
      )
      for (const replication of ['origin', 'replica']) {
        await t.query(`select set_config('session_replication_role', $1, true)`, [replication])
        for (const name of ['audit.ledger', 'audit.batches', 'audit.signatures', ...partitions.map((p) => p.name)]) {
          expect([name, await t.errorCode(`delete from ${name}`)]).toEqual([name, 'UD201'])
          expect([name, await t.errorCode(`truncate ${name} cascade`)]).toEqual([name, 'UD201'])
        }
      }
    })
  })

  it('creating partitions moves no row, and a second time creates none', async () => {
    await db.inTransaction(async (t) => {
      const before = await t.value('select count(*)::int from audit.ledger')
      expect(await t.value('select audit.create_partitions()')).toBe(4)
      expect(await t.value('select audit.create_partitions()')).toBe(0)
      expect(await t.value('select count(*)::int from audit.ledger')).toBe(before)
      await t.query(`select audit.record('system', 'afterwards')`)
      expect(await t.value('select count(*)::int from audit.ledger_default')).toBe(0)
    })
  })
})

describe('who reads it', () => {
  it('a tenant reads its own ledger and no other', async () => {
    await db.inTransaction(async (t) => {
      await t.query(`select audit.record('system', 'of globex', $1)`, [db.globex.id])
      await t.become(db.acme.owner)
      expect(await t.query('select distinct tenant_id from app_public.audit_entries')).toEqual([
        { tenant_id: db.acme.id },
      ])
    })
  })

  it('without can_view_audit nothing is seen, in none of the views', async () => {
    await db.inTransaction(async (t) => {
      await t.become(db.acme.viewer)
      for (const view of [
        ...['audit_entries', 'audit_log', 'user_activity_log', 'system_events', 'security_events'],
        'compliance_audit_trail',
      ])
        expect([view, await t.value(`select count(*)::int from app_public.${view}`)]).toEqual([view, 0])
      expect(await t.errorCode('select app_public.verify_audit()')).toBe('ID203')
    })
  })

  it('by actor, resource, time and kind', async () => {
    await db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      const id = await addTag(t, 'searched')
      expect(
        await t.value(
          `select count(*)::int from app_public.audit_entries
            where actor_user_id = $1 and row_key = $2 and occurred_at >= now() and kind = 'data'`,
          [db.acme.owner.userId, id],
        ),
      ).toBe(1)
      expect(await t.value('select count(*)::int from app_public.user_activity_log where row_key = $1', [id])).toBe(1)
      expect(await t.value('select count(*)::int from app_public.system_events where row_key = $1', [id])).toBe(0)
    })
  })
})

describe('refusals', () => {
  const refuse = (t: Transaction, ip: string): Promise<boolean> =>
    t.value(`select audit.record_refusal($1, 'permission_refused', '{"code": "ID203"}', ip => $2::inet)`, [
      db.acme.id,
      ip,
    ])

  it('are kept up to 30 in a minute of one address, and another address still has its own', async () => {
    await db.inTransaction(async (t) => {
      await t.becomeRole('rowhouse_authenticator')
      for (let i = 0; i < 30; i += 1) expect(await refuse(t, '203.0.113.1')).toBe(true)
      expect(await refuse(t, '203.0.113.1')).toBe(false)
      expect(await refuse(t, '203.0.113.2')).toBe(true)
      await t.becomeSuperuser()
      expect(await t.value(`select count(*)::int from audit.ledger where operation = 'permission_refused'`)).toBe(31)
    })
  })

  it('are kept up to 300 in a minute of one tenant, from however many addresses', async () => {
    await db.inTransaction(async (t) => {
      await t.becomeRole('rowhouse_authenticator')
      await t.query(
        `select audit.record_refusal($1, 'permission_refused', '{}', ip => ('2001:db8::' || n)::inet) from generate_series(1, 320) n`,
        [db.acme.id],
      )
      await t.becomeSuperuser()
      expect(await t.value(`select count(*)::int from audit.ledger where operation = 'permission_refused'`)).toBe(300)
    })
  })

  it('are recorded by the server only', async () => {
    await db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      expect(await t.errorCode(`select audit.record_refusal(null, 'x', '{}')`)).toBe('42501')
      expect(await t.errorCode(`select audit.record('security', 'x')`)).toBe('42501')
    })
  })
})
