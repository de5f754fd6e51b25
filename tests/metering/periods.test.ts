// Periods that are final, and partitions by month.

import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { callFrom, differences, type Receipt, recordAll, rollUp } from '../helpers/metering.ts'

const db = useDatabase()
const use = (key: string, at: string) => ({ idempotency_key: key, usage_type: 'search', quantity: 1, occurred_at: at })

async function finalise(t: Transaction, from: string, to: string): Promise<{ last_batch_id: string }> {
  await t.becomeRole('rowhouse_owner', db.acme.id)
  const [row] = await t.query<{ last_batch_id: string }>(
    'select metering.finalise_usage_period(tstzrange($1, $2)) as last_batch_id',
    [from, to],
  )
  if (!row) throw new Error('no period')
  return row
}

describe('an event of a period that is final', () => {
  /** One event in time, and after the end of June three: two for June and one for July. */
  async function recordLate(t: Transaction): Promise<{ receipts: Receipt[]; last: string }> {
    await setClock(t, '2027-07-02T00:00:00Z')
    await recordAll(t, db.acme.member, [use('in time', '2027-06-15T00:00:00Z')])
    const closed = await finalise(t, '2027-06-01T00:00:00Z', '2027-07-01T00:00:00Z')
    const receipts = await recordAll(t, db.acme.member, [
      use('late', '2027-06-15T00:00:00Z'),
      use('last moment', '2027-06-30T23:59:59.999999Z'),
      use('next period', '2027-07-01T00:00:00Z'),
    ])
    return { receipts, last: closed.last_batch_id }
  }

  it('is stored as an adjustment of it, and no other is', () =>
    db.inTransaction(async (t) => {
      await recordLate(t)
      await t.becomeSuperuser()
      expect(
        await t.query(
          'select idempotency_key, lower(adjusts_period) as adjusts from app_public.usage_events order by batch_id, ordinal',
        ),
      ).toEqual([
        { idempotency_key: 'in time', adjusts: null },
        { idempotency_key: 'late', adjusts: new Date('2027-06-01T00:00:00Z') },
        { idempotency_key: 'last moment', adjusts: new Date('2027-06-01T00:00:00Z') },
        { idempotency_key: 'next period', adjusts: null },
      ])
    }))

  it('comes in a batch after the last of the period', () =>
    db.inTransaction(async (t) => {
      const { receipts, last } = await recordLate(t)
      expect(BigInt(receipts[0]?.batch_id ?? 0)).toBeGreaterThan(BigInt(last))
    }))

  it('is rolled up like any other', () =>
    db.inTransaction(async (t) => {
      await recordLate(t)
      await rollUp(t, db.acme.id)
      expect(await differences(t, db.acme.owner)).toEqual([])
    }))

  it('of another tenant is none', () =>
    db.inTransaction(async (t) => {
      await setClock(t, '2027-07-02T00:00:00Z')
      await finalise(t, '2027-06-01T00:00:00Z', '2027-07-01T00:00:00Z')
      await recordAll(t, db.globex.member, [use('k', '2027-06-15T00:00:00Z')])
      await t.becomeSuperuser()
      expect(await t.value('select adjusts_period from app_public.usage_events')).toBeNull()
    }))
})

describe('a period', () => {
  it('is final once, and closed again it stays as it is', () =>
    db.inTransaction(async (t) => {
      await finalise(t, '2027-06-01T00:00:00Z', '2027-07-01T00:00:00Z')
      for (const [from, to, code] of [
        ['2027-06-01T00:00:00Z', '2027-07-01T00:00:00Z', undefined],
        ['2027-06-30T00:00:00Z', '2027-07-31T00:00:00Z', '23P01'],
        ['2027-06-01T00:00:00Z', '2027-06-01T00:00:00Z', '23514'],
        [null, '2027-01-01T00:00:00Z', '23514'],
      ])
        expect(await t.errorCode('select metering.finalise_usage_period(tstzrange($1, $2))', [from, to])).toBe(code)
      expect(
        await t.errorCode('select metering.finalise_usage_period(tstzrange($1, $2))', [
          '2027-07-01T00:00:00Z',
          '2027-08-01T00:00:00Z',
        ]),
      ).toBeUndefined()
    }))

  it('is not for users to close', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      expect(await t.errorCode(`select metering.finalise_usage_period('[2027-06-01,2027-07-01)')`)).toBe('42501')
    }))
})

describe('partitions', () => {
  const create = async (t: Transaction): Promise<number> => {
    await t.becomeRole('rowhouse_worker')
    return t.value('select metering.create_partitions()')
  }
  const homes = async (t: Transaction) => {
    await t.becomeSuperuser()
    return t.query(
      `select tableoid::regclass::text as home, count(*)::int as rows from app_public.usage_events group by 1 order by 1`,
    )
  }

  it('are made three months ahead, once', () =>
    db.inTransaction(async (t) => {
      await setClock(t, '2027-11-30T23:59:59Z')
      // this month and the next three of each table
      await t.becomeSuperuser()
      const tables = await t.value('select count(*)::int from metering.monthly_tables()')
      expect(await create(t)).toBe(4 * Number(tables))
      expect(await create(t)).toBe(0)
      await t.becomeSuperuser()
      expect(
        await t.query(
          `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'app_public.usage_events'::regclass order by 1`,
        ),
      ).toEqual(
        ['2027_11', '2027_12', '2028_01', '2028_02', 'default'].map((month) => ({
          name: `metering.usage_events_${month}`,
        })),
      )
      await setClock(t, '2027-12-01T00:00:00Z')
      expect(await create(t)).toBe(tables)
    }))

  it('take the rows that had none with them, and lose nothing', () =>
    db.inTransaction(async (t) => {
      await setClock(t, '2027-05-18T12:00:00Z')
      for (const person of [db.acme.member, db.globex.member])
        await recordAll(t, person, [
          use('1', '2027-04-30T23:59:59Z'),
          use('2', '2027-05-01T00:00:00Z'),
          use('3', '2026-06-01T00:00:00Z'),
        ])
      await t.become(db.acme.member)
      const call = { idempotency_key: 'call', model: 'm', input_tokens: 1, output_tokens: 1 }
      await t.query(`select * from app_public.record_llm_usage(${callFrom('$1')})`, [JSON.stringify(call)])
      await rollUp(t, db.acme.id)
      expect(await homes(t)).toEqual(
        [{ home: 'metering.usage_events_default', rows: 8 }].map((row) => ({ ...row, rows: 9 })),
      )
      await create(t)
      expect(await homes(t)).toEqual([
        { home: 'metering.usage_events_2026_06', rows: 2 },
        { home: 'metering.usage_events_2027_04', rows: 2 },
        { home: 'metering.usage_events_2027_05', rows: 5 },
      ])
      // what is recorded again is still known, new rows go where they belong, and all reports are as they were
      expect(await recordAll(t, db.acme.member, [use('1', '2027-04-30T23:59:59Z')])).toMatchObject([
        { is_repeated: true },
      ])
      await recordAll(t, db.acme.member, [use('4', '2027-05-02T00:00:00Z')])
      await rollUp(t, db.acme.id)
      expect(await differences(t, db.acme.owner)).toEqual([])
      expect((await homes(t)).at(-1)).toEqual({ home: 'metering.usage_events_2027_05', rows: 6 })
      expect(await t.query(`select tableoid::regclass::text as home, total_tokens from metering.llm_calls`)).toEqual([
        { home: 'metering.llm_calls_2027_05', total_tokens: '2' },
      ])
    }))

  it('are walled in like the table they are of, and keep its rows from being rewritten', () =>
    db.inTransaction(async (t) => {
      await setClock(t, '2027-05-18T12:00:00Z')
      await create(t)
      await recordAll(t, db.acme.member, [use('1', '2027-05-01T00:00:00Z')])
      await t.becomeSuperuser()
      expect(await t.query('select * from core.security_gaps()')).toEqual([])
      await t.becomeRole('rowhouse_owner', db.globex.id)
      expect(await t.value('select count(*)::int from metering.usage_events_2027_05')).toBe(0)
      await t.becomeRole('rowhouse_owner', db.acme.id)
      expect(await t.errorCode('update metering.usage_events_2027_05 set quantity = 2')).toBe('MT902')
    }))
})
