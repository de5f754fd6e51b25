// Who may have whom erased, what stops an erasure, and what is left of a tenant.

import { beforeAll, describe, expect, it } from 'vitest'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { fillTables } from '../rls/rows/index.ts'
import { tenantCounts } from './helpers.ts'

const db = useDatabase()
beforeAll(async () => fillTables(db))

type Erasure = { id: string; tenant_id: string; status: string; counts: Record<string, Record<string, number>> }
const ask = async (t: Transaction, isDryRun: boolean, userId?: string): Promise<Erasure> =>
  (await t.query<Erasure>('select * from app_public.erase_person($1, $2)', [userId ?? null, isDryRun]))[0] as Erasure
/** Carries an erasure out as the worker does, some rows a call; returns how it ended. */
async function carryOut(t: Transaction, { tenant_id, id }: Erasure, batch = 500): Promise<string> {
  await t.becomeRole('rowhouse_worker')
  let status = 'running'
  while (status === 'running')
    status = await t.value('select governance.continue_erasure($1, $2, $3)', [tenant_id, id, batch])
  await t.becomeSuperuser()
  return status
}
const count = async (t: Transaction, from: string, values: unknown[]): Promise<number> =>
  Number(await t.value(`select count(*) from ${from}`, values))
const finished = async (t: Transaction, id: string): Promise<Erasure> =>
  (await t.query<Erasure>('select * from app_public.erasures where id = $1', [id]))[0] as Erasure

describe('who may', () => {
  it('have a person erased: themselves, whoever manages people for this tenant, and staff', async () => {
    await db.inTransaction(async (t) => {
      const { owner, member } = db.acme
      await t.become(member)
      expect(await t.errorCode('select app_public.erase_person($1)', [owner.userId])).toBe('ID203')
      expect((await ask(t, true)).tenant_id).toBe(db.platform.id)
      await t.become(owner)
      expect(await t.errorCode('select app_public.erase_person($1)', [db.globex.member.userId])).toBe('RT302')
      expect((await ask(t, true, member.userId)).tenant_id).toBe(db.acme.id)
      await t.become(db.platform.owner, 'rowhouse_admin')
      expect((await ask(t, true, member.userId)).tenant_id).toBe(db.platform.id)
    })
  })

  it('not erase somebody with a higher role', async () => {
    await db.inTransaction(async (t) => {
      await t.query(`update app_public.user_tenants set role = 'admin' where user_id = $1 and tenant_id = $2`, [
        db.acme.member.userId,
        db.acme.id,
      ])
      await t.become(db.acme.member)
      expect(await t.errorCode('select app_public.erase_person($1)', [db.acme.owner.userId])).toBe('RT201')
    })
  })

  it('not leave a tenant without an owner, and the error names the tenant', async () => {
    await db.inTransaction(async (t) => {
      const name = await t.value<string>('select name from app_public.tenants where id = $1', [db.acme.id])
      await t.become(db.acme.owner)
      await t.query('savepoint asked')
      await expect(ask(t, false)).rejects.toMatchObject({ code: 'RT503', message: expect.stringContaining(name) })
      await t.query('rollback to asked')
      expect((await ask(t, true)).status).toBe('completed')
    })
  })
})

describe('the erasure of a member in one tenant', () => {
  it('ends the membership at once, and leaves the profile and the other tenants alone', async () => {
    await db.inTransaction(async (t) => {
      const { owner, member } = db.acme
      await t.query(`insert into app_public.user_tenants (tenant_id, user_id) values ($1, $2)`, [
        db.globex.id,
        member.userId,
      ])
      await t.query(
        `insert into app_public.user_sessions (tenant_id, user_id, session_start, last_activity_at)
        select t, $2, now(), now() from unnest($1::uuid[]) as t`,
        [[db.acme.id, db.globex.id], member.userId],
      )
      await t.become(owner)
      const erasure = await ask(t, false, member.userId)
      expect(await t.value('select status from app_public.user_tenants where user_id = $1', [member.userId])).toBe(
        'inactive',
      )
      expect(await carryOut(t, erasure)).toBe('completed')
      expect(
        await t.query('select tenant_id from app_public.user_tenants where user_id = $1', [member.userId]),
      ).toEqual([{ tenant_id: db.globex.id }])
      expect(
        await t.query('select tenant_id from app_public.user_sessions where user_id = $1', [member.userId]),
      ).toEqual([{ tenant_id: db.globex.id }])
      expect(await t.value('select is_active from app_public.user_profiles where id = $1', [member.userId])).toBe(true)
      expect(await t.value('select of_tenant_id from governance.erasure_receipts where id = $1', [erasure.id])).toBe(
        db.acme.id,
      )
    })
  })

  it('is asked for once at a time', async () => {
    await db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      await ask(t, false, db.acme.member.userId)
      expect(await t.errorCode('select app_public.erase_person($1, false)', [db.acme.member.userId])).toBe('RT504')
    })
  })
})

it('goes on after a kill where it was, and counts nothing twice', async () => {
  await db.inTransaction(async (t) => {
    const { member } = db.acme
    await t.query(
      `insert into app_public.user_sessions (tenant_id, user_id, session_start, last_activity_at)
      select $1, $2, now(), now() from generate_series(1, 7)`,
      [db.acme.id, member.userId],
    )
    await t.become(member)
    const erasure = await ask(t, false)
    await t.becomeRole('rowhouse_worker')
    for (let steps = 0; ; steps += 1) {
      await t.query('savepoint batch')
      const status = await t.value('select governance.continue_erasure($1, $2, 2)', [erasure.tenant_id, erasure.id])
      if (status === 'completed') break
      // every second batch dies before it is committed
      if (steps % 2 === 1) await t.query('rollback to batch')
    }
    await t.becomeSuperuser()
    expect((await finished(t, erasure.id)).counts['app_public.user_sessions']).toEqual({ erased: 7 })
    expect(await t.value('select governance.continue_erasure($1, $2)', [erasure.tenant_id, erasure.id])).toBe(
      'completed',
    )
    expect(await count(t, 'governance.erasure_receipts where id = $1', [erasure.id])).toBe(1)
  })
})

describe('a legal hold', () => {
  it('that is placed after the dry run or in the middle keeps what it covers, and the erasure goes on when it is released', async () => {
    await db.inTransaction(async (t) => {
      const { owner, member } = db.acme
      await t.query(
        `insert into app_public.user_sessions (tenant_id, user_id, session_start, last_activity_at)
        select $1, $2, now(), now() from generate_series(1, 5)`,
        [db.acme.id, member.userId],
      )
      await t.become(member)
      expect((await ask(t, true)).counts['app_public.user_sessions']).toEqual({ erased: 5 })
      const erasure = await ask(t, false)
      await t.becomeRole('rowhouse_worker')
      await t.value('select governance.continue_erasure($1, $2, 1)', [erasure.tenant_id, erasure.id])
      await t.become(owner)
      const hold = await t.value(`select (app_public.place_legal_hold('Case 9', user_id => $1)).id`, [member.userId])
      expect(await carryOut(t, erasure)).toBe('held')
      expect(await count(t, 'app_public.user_sessions where user_id = $1', [member.userId])).toBe(5)
      expect(await count(t, 'governance.erasure_receipts', [])).toBe(0)
      await t.become(owner)
      await t.query('select app_public.release_legal_hold($1)', [hold])
      expect(await carryOut(t, erasure)).toBe('completed')
      expect(await count(t, 'app_public.user_sessions where user_id = $1', [member.userId])).toBe(0)
    })
  })

  it('on one document keeps the document', async () => {
    await db.inTransaction(async (t) => {
      const { owner, member } = db.acme
      const document = await t.value(
        'update app_public.documents set created_by_user_id = $2 where tenant_id = $1 returning id',
        [db.acme.id, member.userId],
      )
      await t.become(owner)
      await t.query(`select app_public.place_legal_hold('Case 9', resource_id => $1)`, [document])
      await t.become(member)
      const erasure = await ask(t, false)
      expect(await carryOut(t, erasure)).toBe('held')
      expect(await count(t, 'app_public.documents where id = $1', [document])).toBe(1)
      expect(await count(t, 'app_public.user_tenants where user_id = $1', [member.userId])).toBe(0)
    })
  })
})

describe('the erasure of a tenant', () => {
  const cancel = async (t: Transaction, days: number): Promise<void> => {
    await t.query(`update app_public.tenants set status = 'cancelled' where id = $1`, [db.acme.id])
    await t.query(
      `update app_public.tenants set cancelled_at = core.clock() - make_interval(days => $2) where id = $1`,
      [db.acme.id, days],
    )
    await t.become(db.acme.owner)
  }

  it('waits for the cancellation and 30 days, and is for those who manage the tenant', async () => {
    await db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      expect(await t.errorCode('select app_public.erase_tenant(false)')).toBe('RT505')
      await t.becomeSuperuser()
      await cancel(t, 29)
      expect(await t.errorCode('select app_public.erase_tenant(false)')).toBe('RT505')
      await t.become(db.acme.member)
      expect(await t.errorCode('select app_public.erase_tenant()')).toBe('ID203')
    })
  })

  it('leaves the books, an empty row and a receipt, and nothing else', async () => {
    const before = await tenantCounts(db, db.acme.id)
    await db.inTransaction(async (t) => {
      await cancel(t, 31)
      const [dry] = await t.query<Erasure>('select * from app_public.erase_tenant()')
      const [erasure] = await t.query<Erasure>('select * from app_public.erase_tenant(false)')
      expect(dry?.counts['app_public.agents']).toEqual({ erased: before['app_public.agents'] })
      expect(await carryOut(t, erasure as Erasure, 20)).toBe('completed')
      const kept = await t.query<{ name: string }>('select table_name::text as name from governance.kept_tables()')
      const left: Record<string, number> = {}
      for (const name of Object.keys(before)) {
        const rows = await count(t, `${name} where tenant_id = $1`, [db.acme.id])
        if (rows > 0) left[name] = rows
      }
      expect(Object.keys(left).filter((name) => !kept.some((k) => k.name === name))).toEqual([])
      for (const name of ['app_public.invoices', 'app_public.payments', 'billing.ledger_entries'])
        expect([name, left[name]]).toEqual([name, dry?.counts[name]?.kept])
      expect(await t.query('select * from billing.verify_billing($1)', [db.acme.id])).toEqual([])
      expect(
        await t.query('select name, slug, primary_contact_email from app_public.tenants where id = $1', [db.acme.id]),
      ).toEqual([{ name: 'Erased tenant', slug: `erased-${db.acme.id}`, primary_contact_email: null }])
      expect(await t.value('select counts from governance.erasure_receipts where id = $1', [erasure?.id])).toEqual(
        (await finished(t, erasure?.id ?? '')).counts,
      )
    })
  })

  it('leaves another tenant as it was', async () => {
    const before = await tenantCounts(db, db.globex.id)
    await db.inTransaction(async (t) => {
      await cancel(t, 31)
      const [erasure] = await t.query<Erasure>('select * from app_public.erase_tenant(false)')
      expect(await carryOut(t, erasure as Erasure)).toBe('completed')
      for (const [name, rows] of Object.entries(before))
        expect([name, await count(t, `${name} where tenant_id = $1`, [db.globex.id])]).toEqual([name, rows])
    })
  })
})

it('empties what a person left in recorded usage, which nothing else may change', async () => {
  await db.inTransaction(async (t) => {
    const change = (what: string) =>
      t.errorCode(`update app_public.usage_events set ${what} where tenant_id = $1`, [db.acme.id])
    expect(await change(`metadata = '{"note": "x"}'`)).toBe('MT902')
    expect(await change('quantity = quantity + 1')).toBe('MT902')
    expect(await change(`metadata = '{}'`)).toBeUndefined()
  })
})
