// The life of a tenant: every step × every role, and what a tenant that is read-only still can.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { createSource } from '../helpers/knowledge.ts'

const db = useDatabase()
const statuses = ['trial', 'active', 'inactive', 'suspended', 'cancelled'] as const
type Status = (typeof statuses)[number]

/** What may follow what; back to trial goes only a tenant that never was active. */
const legal: Record<Status, Status[]> = {
  trial: ['active', 'inactive', 'suspended', 'cancelled'],
  active: ['inactive', 'suspended', 'cancelled'],
  inactive: ['active', 'suspended', 'cancelled'],
  suspended: ['active', 'cancelled'],
  cancelled: ['active'],
}

/** Brings acme, as the superuser, to a status it has been active before. */
async function bring(t: Transaction, status: Status): Promise<void> {
  await t.becomeSuperuser()
  await t.query(`select set_config('rowhouse.user_id', '', true)`)
  if (status === 'trial') {
    // no step leads here: a tenant begins with it
    await t.query(`set local session_replication_role = replica`)
    await t.query(`update app_public.tenants set status = 'trial', activated_at = null where id = $1`, [db.acme.id])
    await t.query(`set local session_replication_role = origin`)
  } else if (status !== 'active') {
    await t.query(`update app_public.tenants set status = $2, suspension_reason = $3 where id = $1`, [
      db.acme.id,
      status,
      status === 'suspended' ? 'Unpaid.' : null,
    ])
  }
}
const asStaff = (t: Transaction): Promise<void> =>
  t.become({ ...db.platform.admin, tenantId: db.acme.id }, 'rowhouse_admin')
const statusOf = (t: Transaction): Promise<Status> =>
  t.value('select status from app_public.tenants where id = $1', [db.acme.id])

describe('a step that SQL takes', () => {
  it.each(statuses.flatMap((from) => statuses.map((to) => [from, to] as const)))(
    'from %s to %s is taken if it is legal, whoever writes it',
    (from, to) =>
      db.inTransaction(async (t) => {
        await bring(t, from)
        const code = await t.errorCode(
          `update app_public.tenants set status = $2, suspension_reason = 'Because.' where id = $1`,
          [db.acme.id, to],
        )
        const isLegal = from === to || legal[from].includes(to)
        expect([code, await statusOf(t)]).toEqual(isLegal ? [undefined, to] : ['TN501', from])
      }),
  )

  it('is not there for the platform’s own tenant, nor for a status that does not exist', () =>
    db.inTransaction(async (t) => {
      const step = 'update app_public.tenants set status = $2 where id = $1'
      expect(await t.errorCode(step, [db.platform.id, 'cancelled'])).toBe('TN502')
      expect(await t.errorCode(step, [db.acme.id, 'asleep'])).toBe('23514')
      expect(await t.errorCode(step, [db.acme.id, null])).toBe('TN501')
      expect(await t.errorCode(step, [db.acme.id, 'suspended'])).toBe('TN405')
    }))

  it('cannot be skipped by beginning elsewhere', () =>
    db.inTransaction(async (t) => {
      const create = 'insert into app_public.tenants (slug, name, status) values ($1, $1, $2)'
      expect(await t.errorCode(create, ['x', 'cancelled'])).toBe('TN501')
      expect(await t.errorCode(create, ['y', 'trial'])).toBeUndefined()
      expect(await t.value(`select activated_at from app_public.tenants where slug = 'y'`)).toBeNull()
    }))
})

it('staff create a tenant in trial by saying how long', () =>
  db.inTransaction(async (t) => {
    await t.query(`set local rowhouse.clock = '2030-01-01 00:00Z'`)
    await t.become(db.platform.admin, 'rowhouse_admin')
    const create = `select status, activated_at, trial_ends_at from app_public.create_tenant($1, 'New', 'new@new.test', trial_days => $2)`
    expect(await t.query(create, ['new', 14])).toEqual([
      { status: 'trial', activated_at: null, trial_ends_at: new Date('2030-01-15T00:00:00Z') },
    ])
    for (const days of [0, -1, 366]) expect(await t.errorCode(create, ['other', days])).toBe('TN403')
    expect(await t.query(create, ['other', null])).toMatchObject([{ status: 'active', trial_ends_at: null }])
  }))

describe('who', () => {
  const calls: [string, string, 'staff' | 'manager'][] = [
    ['activate_tenant', 'select app_public.activate_tenant()', 'staff'],
    ['suspend_tenant', `select app_public.suspend_tenant('Unpaid.')`, 'staff'],
    ['reactivate_tenant', 'select app_public.reactivate_tenant()', 'staff'],
    ['cancel_tenant', 'select app_public.cancel_tenant()', 'manager'],
  ]
  const from: Record<string, Status> = {
    activate_tenant: 'inactive',
    suspend_tenant: 'active',
    reactivate_tenant: 'suspended',
    cancel_tenant: 'suspended',
  }
  it.each(calls)('may call %s', (name, call, who) =>
    db.inTransaction(async (t) => {
      await bring(t, from[name] as Status)
      for (const role of ['viewer', 'member', 'admin'] as const) {
        await t.become(db.acme[role])
        expect([role, await t.errorCode(call)]).toEqual([role, who === 'staff' ? 'TN205' : 'ID203'])
      }
      await t.become({ ...db.globex.owner, tenantId: db.acme.id })
      expect(await t.errorCode(call)).toBe(who === 'staff' ? 'TN205' : 'ID203')
      await t.query('savepoint before')
      await asStaff(t)
      expect(await t.errorCode(call)).toBeUndefined()
      await t.query('rollback to savepoint before')
      await t.become(db.acme.owner)
      expect(await t.errorCode(call)).toBe(who === 'staff' ? 'TN205' : undefined)
    }),
  )

  it('a member whose own permissions allow it may cancel, an owner whose do not may not', () =>
    db.inTransaction(async (t) => {
      await t.query(
        `update app_public.user_tenants set permissions = jsonb_build_object('can_manage_tenant', role <> 'owner') where tenant_id = $1`,
        [db.acme.id],
      )
      await t.become(db.acme.owner)
      expect(await t.errorCode('select app_public.cancel_tenant()')).toBe('ID203')
      await t.become(db.acme.viewer)
      expect(await t.errorCode('select app_public.cancel_tenant()')).toBeUndefined()
    }))
})

describe('a step', () => {
  it('is dated in the tenant’s row, by the clock', () =>
    db.inTransaction(async (t) => {
      await t.query(`set local rowhouse.clock = '2030-01-01 00:00Z'`)
      await asStaff(t)
      expect(
        await t.query(`select status, suspended_at, suspension_reason from app_public.suspend_tenant(' Unpaid. ')`),
      ).toEqual([{ status: 'suspended', suspended_at: new Date('2030-01-01T00:00:00Z'), suspension_reason: 'Unpaid.' }])
      await t.becomeSuperuser()
      await t.query(`set local rowhouse.clock = '2030-01-02 00:00Z'`)
      await asStaff(t)
      expect(
        await t.query(
          `select status, activated_at, suspended_at, suspension_reason from app_public.reactivate_tenant()`,
        ),
      ).toEqual([
        {
          status: 'active',
          activated_at: new Date('2030-01-02T00:00:00Z'),
          suspended_at: null,
          suspension_reason: null,
        },
      ])
      await t.become(db.acme.owner)
      expect(
        await t.query(`select status, cancellation_reason, cancelled_at from app_public.cancel_tenant('Too dear')`),
      ).toEqual([
        { status: 'cancelled', cancellation_reason: 'Too dear', cancelled_at: new Date('2030-01-02T00:00:00Z') },
      ])
    }))

  describe('of which there were three', () => {
    const history = `select from_status, to_status, reason, changed_by_user_id from app_public.tenant_status_history order by id`
    const takeThree = async (t: Transaction): Promise<void> => {
      await asStaff(t)
      await t.query(`select app_public.suspend_tenant('Unpaid.')`)
      await t.become(db.acme.owner)
      await t.query(`select app_public.cancel_tenant()`)
      await asStaff(t)
      await t.query(`select app_public.reactivate_tenant()`)
      await t.become(db.acme.admin)
    }

    it('is in the history with from, to, why and who', () =>
      db.inTransaction(async (t) => {
        await takeThree(t)
        expect(await t.query(history)).toEqual([
          { from_status: null, to_status: 'active', reason: null, changed_by_user_id: null },
          {
            from_status: 'active',
            to_status: 'suspended',
            reason: 'Unpaid.',
            changed_by_user_id: db.platform.admin.userId,
          },
          { from_status: 'suspended', to_status: 'cancelled', reason: null, changed_by_user_id: db.acme.owner.userId },
          { from_status: 'cancelled', to_status: 'active', reason: null, changed_by_user_id: db.platform.admin.userId },
        ])
      }))

    it.each([
      ['update', `update app_public.tenant_status_history set reason = 'x'`],
      ['delete', 'delete from app_public.tenant_status_history'],
      [
        'insert',
        `insert into app_public.tenant_status_history (tenant_id, to_status, changed_at) values (core.current_tenant_id(), 'active', now())`,
      ],
    ])('is in a history that nobody writes: %s', (_command, statement) =>
      db.inTransaction(async (t) => {
        await takeThree(t)
        expect(await t.errorCode(statement)).toBe('42501')
      }),
    )

    it('is in a history that only auditors of this tenant read', () =>
      db.inTransaction(async (t) => {
        await takeThree(t)
        await t.become(db.acme.member)
        expect(await t.query(history)).toEqual([])
        await t.become(db.globex.owner)
        expect(await t.query(history)).toHaveLength(1)
      }))
  })

  it('that is taken twice is an error, and so is one without a reason where one is needed', () =>
    db.inTransaction(async (t) => {
      await asStaff(t)
      expect(await t.errorCode(`select app_public.suspend_tenant(' ')`)).toBe('TN405')
      expect(await t.errorCode(`select app_public.suspend_tenant(null)`)).toBe('TN405')
      expect(await t.errorCode(`select app_public.activate_tenant()`)).toBe('TN501')
      expect(await t.errorCode(`select app_public.reactivate_tenant()`)).toBe('TN501')
      await t.query(`select app_public.suspend_tenant('Unpaid.')`)
      expect(await t.errorCode(`select app_public.suspend_tenant('Again.')`)).toBe('TN501')
      // from a suspension a tenant is reactivated, not activated
      expect(await t.errorCode(`select app_public.activate_tenant()`)).toBe('TN501')
    }))

  it('back from a suspension leads to where the tenant was: a trial is no more than a trial', () =>
    db.inTransaction(async (t) => {
      await bring(t, 'trial')
      await asStaff(t)
      await t.query(`select app_public.suspend_tenant('Abuse.')`)
      expect(await t.value(`select status from app_public.reactivate_tenant()`)).toBe('trial')
      expect(await t.value(`select status from app_public.activate_tenant()`)).toBe('active')
    }))
})

describe.each(['inactive', 'suspended', 'cancelled'] as const)('a tenant that is %s', (status) => {
  it('can read everything and change nothing', () =>
    db.inTransaction(async (t) => {
      const source = await createSource(t, db.acme.member)
      await bring(t, status)
      for (const role of ['owner', 'admin', 'member', 'viewer'] as const) {
        await t.become(db.acme[role])
        expect(await t.value('select count(*)::int from app_public.rag_knowledge_sources')).toBe(1)
        expect(await t.value('select status from app_public.tenants')).toBe(status)
      }
      await t.become(db.acme.owner)
      for (const command of [
        `insert into app_public.agents (name) values ('a')`,
        `update app_public.agents set name = 'b'`,
        `update app_public.tenants set name = 'b'`,
        `update app_public.tenants set config = '{}'`,
        `update app_public.tenant_config set allowed_origins = '{}'`,
        `delete from app_public.agent_knowledge_sources`,
        // within definer functions, too
        `select * from app_public.create_documents('${source}', knowledge.new_documents('[{"externalId": "1", "text": "a"}]'))`,
        `select app_public.delete_knowledge_source('${source}')`,
        `select app_public.create_service_token('ci')`,
        `select app_public.create_sub_tenant('acme-eu', 'Acme EU')`,
      ])
        expect([command, await t.errorCode(command)]).toEqual([command, 'TN202'])
    }))

  it('can search, which is logged', () =>
    db.inTransaction(async (t) => {
      await bring(t, status)
      await t.become(db.acme.viewer)
      expect(await t.query(`select * from app_public.search('wing', 'bm25')`)).toEqual([])
      await t.becomeSuperuser()
      // the worker acts for no user
      await t.query(`select set_config('rowhouse.user_id', '', true)`)
      await t.query('select search.store_query_logs()')
      expect(await t.value('select count(*)::int from app_public.query_logs')).toBe(1)
    }))

  it('is still served by platform staff and by the queue, which act for no user', () =>
    db.inTransaction(async (t) => {
      await bring(t, status)
      await asStaff(t)
      expect(await t.errorCode(`insert into app_public.agents (name) values ('a')`)).toBeUndefined()
      await t.query(`select set_config('rowhouse.user_id', '', true)`)
      await t.becomeRole('rowhouse_owner', db.acme.id)
      expect(
        await t.errorCode(`insert into app_public.agents (tenant_id, name) values ($1, 'b')`, [db.acme.id]),
      ).toBeUndefined()
    }))

  it('does not keep its people from working in another tenant', () =>
    db.inTransaction(async (t) => {
      await bring(t, status)
      await t.query(`select tenancy.provision_member($1, $2, null, 'member')`, [db.globex.id, db.acme.owner.email])
      await t.become({ ...db.acme.owner, tenantId: db.globex.id })
      expect(await t.errorCode(`insert into app_public.agents (name) values ('a')`)).toBeUndefined()
    }))
})

it('every table of a tenant in app_public is guarded, or listed as one that goes on being written', async () => {
  const { rows } = await db.pool.query<{ name: string }>(`
    select c.oid::regclass::text as name
      from pg_class c
     where c.relnamespace = 'app_public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
       and c.oid not in (select target from core.global_tables())
       and c.oid not in (select table_name::regclass from core.table_guard_exemptions)
       and not exists (select from pg_trigger where tgrelid = c.oid and tgname = '_000_require_writable_tenant' and tgenabled = 'O')`)
  expect(rows).toEqual([])
})

it('the guard of tenants covers every column that users are granted to update', async () => {
  const { rows } = await db.pool.query(`
    select attname from pg_attribute a
     where attrelid = 'app_public.tenants'::regclass and attnum > 0 and has_column_privilege('rowhouse_user', attrelid, attnum, 'update')
       and not exists (
         select from pg_trigger where tgrelid = a.attrelid and tgname = '_000_require_writable_tenant' and a.attnum = any (tgattr))`)
  expect(rows).toEqual([])
})

describe('a tenant below others', () => {
  type Level = 0 | 1 | 2
  /** acme, one below it and one below that, each with an owner of its own. */
  async function family(
    t: Transaction,
  ): Promise<{ ids: string[]; write: (level: Level) => Promise<string | undefined> }> {
    await t.becomeSuperuser()
    const ids = [db.acme.id]
    for (const slug of ['a', 'b']) {
      const id = await t.value<string>('select id from tenancy.provision_tenant($1, $1, $2)', [slug, `o@${slug}.test`])
      await t.query('update app_public.tenants set parent_tenant_id = $2 where id = $1', [id, ids.at(-1)])
      ids.push(id)
    }
    const write = async (level: Level): Promise<string | undefined> => {
      await t.becomeSuperuser()
      const userId = await t.value<string>(
        `select user_id from app_public.user_tenants where tenant_id = $1 and role = 'owner'`,
        [ids[level]],
      )
      await t.become({ userId, tenantId: ids[level] as string } as never)
      return t.errorCode(`insert into app_public.agents (name) values (gen_random_uuid()::text)`)
    }
    return { ids, write }
  }
  const set = (t: Transaction, id: string | undefined, status: Status) =>
    t.errorCode(`update app_public.tenants set status = $2, suspension_reason = 'Unpaid.' where id = $1`, [id, status])

  it('can be written while it and all above it are open, after any steps of each', () =>
    db.inTransaction(async (t) => {
      const { ids, write } = await family(t)
      const model: Status[] = ['active', 'active', 'active']
      const step = fc.record({ level: fc.constantFrom<Level>(0, 1, 2), status: fc.constantFrom(...statuses) })
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
          for (const { level, status } of steps) {
            await t.becomeSuperuser()
            if ((await set(t, ids[level], status)) === undefined) model[level] = status
          }
          for (const level of [0, 1, 2] as const) {
            const isOpen = model.slice(0, level + 1).every((status) => status === 'active' || status === 'trial')
            expect([model, level, await write(level)]).toEqual([model, level, isOpen ? undefined : 'TN202'])
          }
        }),
        { numRuns: 25, seed: 20_261_128 },
      )
    }))

  it('says that it is closed from above, and shows by which status', () =>
    db.inTransaction(async (t) => {
      const { ids, write } = await family(t)
      await t.becomeSuperuser()
      await set(t, ids[0], 'suspended')
      expect(await write(2)).toBe('TN202')
      expect(
        await t.query(
          'select status, status_above from app_public.tenants t, app_public.tenants_status_above(t) status_above',
        ),
      ).toEqual([{ status: 'active', status_above: 'suspended' }])
      await t.query('savepoint before')
      await expect(t.query(`insert into app_public.agents (name) values ('x')`)).rejects.toMatchObject({
        message: 'A tenant above this one is suspended, so this one can be read but not changed.',
      })
      await t.query('rollback to savepoint before')
      // who asks for a tenant that is not theirs learns nothing
      await t.become(db.globex.owner)
      expect(
        await t.value(`select app_public.tenants_status_above(jsonb_populate_record(null::app_public.tenants, $1))`, [
          JSON.stringify({ id: ids[2] }),
        ]),
      ).toBeNull()
    }))

  it('comes back with the tenant above, unless it was suspended itself, and leaves with a move', () =>
    db.inTransaction(async (t) => {
      const { ids, write } = await family(t)
      await t.becomeSuperuser()
      await set(t, ids[2], 'suspended')
      await set(t, ids[0], 'cancelled')
      expect([await write(1), await write(2)]).toEqual(['TN202', 'TN202'])
      await t.become({ ...db.platform.owner, tenantId: db.acme.id }, 'rowhouse_admin')
      await t.query('select app_public.reactivate_tenant()')
      expect([await write(1), await write(2)]).toEqual([undefined, 'TN202'])
      await t.becomeSuperuser()
      await set(t, ids[0], 'suspended')
      await t.query('update app_public.tenants set parent_tenant_id = $2 where id = $1', [ids[1], db.globex.id])
      expect([await write(0), await write(1), await write(2)]).toEqual(['TN202', undefined, 'TN202'])
    }))

  it('takes nobody in, sends no token in, and manages nothing while it is closed from above', () =>
    db.inTransaction(async (t) => {
      const { ids } = await family(t)
      await t.becomeSuperuser()
      const [user] = await t.query<{ user_id: string }>(
        `select user_id from app_public.user_tenants where tenant_id = $1 and role = 'owner'`,
        [ids[1]],
      )
      await t.become({ userId: user?.user_id as string, tenantId: ids[1] as string } as never)
      const token = await t.value<string>(`select app_public.create_service_token('ci')`)
      const verified = async (): Promise<unknown[]> => {
        await t.becomeRole('rowhouse_authenticator')
        return t.query('select name from tenancy.verify_service_token($1)', [token])
      }
      expect(await verified()).toEqual([{ name: 'ci' }])
      await t.becomeSuperuser()
      await set(t, ids[0], 'suspended')
      expect(await verified()).toEqual([])
      await t.becomeSuperuser()
      expect(await t.value('select tenancy.may_manage_tenant($1, $2)', [user?.user_id, ids[1]])).toBe(false)
      expect(await t.value('select tenancy.may_view_subtree($1, $2)', [user?.user_id, ids[2]])).toBe(false)
    }))
})
