// A year of 20 tenants by the clock: trials, changes of plan, pauses, late events, changed prices, failed payments. The
// test keeps its own ledger of what was used; at the end ledger, events, roll-ups, quota counters, invoices and money agree
// to the last digit, and every line of every invoice is computed again.

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { mulberry32 } from '../../bench/random.ts'
import { setClock } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { eventOf } from '../helpers/metering.ts'
import { addPlan, type Component, differences } from './helpers.ts'

const db = useDatabase()
const tenantCount = 20
const day = 86_400_000
const start = Date.UTC(2024, 1, 10)
const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Pacific/Auckland']
const types = ['search', 'tool_call', 'document']

type Used = { type: string; quantity: number; at: number; recordedAt: number; quotaStart?: string }
/** The periods of a quota that the model expects, each from its first day to the day after its last. */
type Spans = [first: string, next: string][]
type Tenant = { id: string; tenantId: string; userId: string; ledger: Used[]; spans: Record<string, Spans> }

const components = (factor: number): Component[] => [
  { usageType: 'search', model: 'per_unit', unitAmount: `${factor}.0037`, included: 50 },
  {
    usageType: 'tool_call',
    model: 'tiered',
    tiers: [{ upTo: 20, unitAmount: 0.333 }, { upTo: 100, unitAmount: 0.1, flatAmount: 1 }, { unitAmount: 0.017 }],
  },
  { usageType: 'document', model: 'package', unitAmount: 1.99, packageSize: 7 },
]

async function addPlans(t: Transaction): Promise<void> {
  await addPlan(t, { slug: 'free', tier: 'free', amount: 0 })
  for (const currency of ['USD', 'JPY']) {
    for (const cycle of ['monthly', 'annual']) {
      const times = cycle === 'annual' ? 10 : 1
      await addPlan(t, {
        slug: 'small',
        currency,
        cycle,
        amount: 29.9 * times,
        trialDays: 14,
        components: components(0),
      })
      await addPlan(t, {
        slug: 'middle',
        tier: 'professional',
        currency,
        cycle,
        amount: 101.01 * times,
        components: components(0),
      })
      await addPlan(t, { slug: 'large', tier: 'enterprise', currency, cycle, amount: 999 * times })
    }
  }
  // hard limits that some run into, and one that is billed beyond
  await t.query(
    `insert into app_public.plan_entitlements (plan_id, kind, key, quota_limit, overage_allowed)
     select p.id, 'quota', q.key, q.quota_limit, q.overage
       from (values ('free', 'api_calls', 30, false), ('small', 'api_calls', 90, false), ('middle', 'api_calls', 120, true),
                    ('large', 'api_calls', 5000, false), ('free', 'tokens', 2000, false), ('small', 'tokens', 9000, false),
                    ('middle', 'tokens', 20000, false), ('large', 'tokens', 50000, true)) as q (slug, key, quota_limit, overage)
       join app_public.plans p on p.slug = q.slug`,
  )
}

async function addTenants(t: Transaction): Promise<Tenant[]> {
  const tenants: Tenant[] = []
  for (let i = 0; i < tenantCount; i += 1) {
    await t.becomeSuperuser()
    const id = await t.value<string>('select id from tenancy.provision_tenant($1, $1, $2)', [
      `year-${i}`,
      `year-${i}@x.test`,
    ])
    const userId = await t.value<string>('select user_id from app_public.user_tenants where tenant_id = $1', [id])
    await t.query('update app_public.tenants set timezone = $2 where id = $1', [id, zones[i % zones.length]])
    await t.query('call core.enter_tenant($1)', [id])
    await t.query('select billing.lock_billing($1)', [id])
    await t.query(
      `update app_public.billing_profiles set currency = $2, tax_rate = $3, collection_method = $4 where tenant_id = $1`,
      [id, i % 5 === 4 ? 'JPY' : 'USD', i % 3 === 0 ? '0.19' : '0', i % 4 === 3 ? 'invoice' : 'automatic'],
    )
    if (i !== 9) {
      // one has no way to pay: its trial expires
      await t.query(
        `insert into app_public.payment_methods (tenant_id, provider, provider_method_id, status, is_default) values ($1, 'stripe', 'pm_' || $2::int::text, 'attached', true)`,
        [id, i],
      )
    }
    tenants.push({ id, tenantId: id, userId, ledger: [], spans: { api_calls: [], tokens: [] } })
  }
  return tenants
}

it('a year: ledger, events, roll-ups, invoices and money agree', { timeout: 900_000 }, () =>
  db.inTransaction(async (t) => {
    const random = mulberry32(20_240_210)
    const pick = <V>(values: readonly V[]): V => values[Math.floor(random() * values.length)] as V
    await addPlans(t)
    const tenants = await addTenants(t)
    const become = (tenant: Tenant): Promise<void> => t.become(tenant as never)
    const attempts: Record<string, number> = {}
    // its own dice, so that plans change as they do without quotas
    const chance = mulberry32(7)
    const consumed: Record<string, number> = {}
    let clock = start
    /** What people try; that some of it is refused is part of a year. */
    const attempt = async (statement: string): Promise<void> => {
      const code = (await t.errorCode(statement)) ?? 'done'
      attempts[code] = (attempts[code] ?? 0) + 1
      expect(code).toMatch(/^(done|LB\d{3})$/)
    }
    const record = async (tenant: Tenant, at: number): Promise<void> => {
      const used = { type: pick(types), quantity: 1 + Math.floor(random() * 40), at, recordedAt: clock }
      await t.query(
        `select app_public.record_usage(${eventOf('$1::text', '$2::text', '$3::text', '$4::timestamptz')})`,
        [`${tenant.id}-${tenant.ledger.length}`, used.type, used.quantity, new Date(at)],
      )
      tenant.ledger.push(used)
    }

    for (let now = start; now < start + 366 * day; now += day) {
      const elapsed = (now - start) / day
      clock = now + Math.floor(random() * day)
      await setClock(t, new Date(clock).toISOString())
      if (elapsed === 100 || elapsed === 250) {
        await t.becomeSuperuser()
        for (const currency of ['USD', 'JPY'])
          await addPlan(t, {
            slug: 'small',
            currency,
            amount: elapsed === 100 ? 31.5 : 33,
            validFrom: new Date(now + 3 * day).toISOString(),
            components: components(elapsed === 100 ? 0 : 1),
          })
      }
      for (const [i, tenant] of tenants.entries()) {
        await become(tenant)
        if (elapsed === i)
          await attempt(
            `select app_public.start_subscription('${i % 2 ? 'small' : 'middle'}', '${i % 6 === 5 ? 'annual' : 'monthly'}')`,
          )
        if (elapsed > i && random() < 0.12) await record(tenant, now - Math.floor(random() * 60_000))
        // late by up to three weeks: often beyond the end of a period that is billed
        if (elapsed > i + 30 && random() < 0.05) await record(tenant, now - Math.floor(random() * 21 * day))
        const mood = random()
        if (elapsed > i && mood < 0.01)
          await attempt(`select app_public.change_plan('${pick(['small', 'middle', 'large'])}')`)
        else if (mood < 0.013)
          await attempt(
            `select app_public.change_plan('${pick(['small', 'middle'])}', '${pick(['monthly', 'annual'])}')`,
          )
        else if (mood < 0.016) await attempt(`select app_public.cancel_subscription(${pick(['true', 'false'])})`)
        else if (mood < 0.019) await attempt(`select app_public.pause_subscription()`)
        else if (mood < 0.03) await attempt(`select app_public.resume_subscription()`)
        else if (elapsed > i && mood < 0.045)
          await attempt(`select app_public.start_subscription('${pick(['small', 'middle'])}')`)
      }
      await collectAndBill(t, random)
      for (const [i, tenant] of tenants.entries()) {
        if (elapsed <= i || chance() >= 0.2) continue
        const outcome = await useQuota(t, tenant, chance)
        consumed[outcome] = (consumed[outcome] ?? 0) + 1
      }
    }
    // a few want to hold more than one person may
    const { QT406: _tooMuch, ...outcomes } = consumed
    expect(Object.keys(outcomes).sort()).toEqual(['QT601', 'done', 'expired'])
    expect(Math.min(...Object.values(outcomes))).toBeGreaterThan(30)
    // what is still open or late is billed once more
    for (let later = 1; later <= 13; later += 1) {
      await setClock(t, new Date(start + (366 + 31 * later) * day).toISOString())
      await collectAndBill(t, random)
    }

    await t.becomeSuperuser()
    const kinds = await t.query<{ kind: string }>(`select distinct kind::text from app_public.invoice_lines order by 1`)
    expect(kinds.map(({ kind }) => kind)).toEqual(['adjustment', 'overage', 'proration', 'recurring', 'usage'])
    for (const tenant of tenants) {
      expect([tenant.id, await differences(t, tenant.id)]).toEqual([tenant.id, []])
      await ledgerAgrees(t, tenant)
      await quotasAgree(t, tenant)
      await become(tenant)
      expect([tenant.id, await t.query('select * from metering.verify_rollups()')]).toEqual([tenant.id, []])
    }
    await t.becomeRole('rowhouse_worker')
    await t.query('select metering.expire_reservations()')
    await t.becomeSuperuser()
    expect(await t.query('select * from metering.verify_quotas()')).toEqual([])
    await t.becomeSuperuser()
    expect(await t.query('select * from billing.invoice_number_gaps()')).toEqual([])
    // every period of every subscription has one invoice that opens it, except where there is nothing to pay
    expect(
      await t.query(
        `select tenant_id, subscription_id, period_number from app_public.invoices where reason in ('period', 'end')
          group by tenant_id, subscription_id, period_number, reason having count(*) > 1`,
      ),
    ).toEqual([])
    const seen = await t.query<{ status: string }>(
      `select distinct status::text from app_public.subscriptions order by 1`,
    )
    expect(seen.map(({ status }) => status)).toEqual(
      expect.arrayContaining(['active', 'cancelled', 'expired', 'paused']),
    )
    expect(attempts.done).toBeGreaterThan(50)
    expect(await t.value(`select count(*)::int from app_public.payments where status = 'failed'`)).toBeGreaterThan(10)
  }),
)

/** The two tasks of billing; a quarter of the charges fail, invoices are paid by hand about when they are due. */
async function collectAndBill(t: Transaction, random: () => number): Promise<void> {
  await t.becomeRole('rowhouse_worker')
  for (const { id } of await t.query<{ id: string }>('select billing.tenants_to_bill() as id'))
    await t.query('select billing.run_billing($1)', [id])
  const due = await t.query<{ tenant_id: string; invoice_id: string }>('select * from billing.payments_to_collect()')
  for (const { tenant_id, invoice_id } of due) {
    const [begun] = await t.query<{ payment_id: string }>('select * from billing.begin_payment($1, $2)', [
      tenant_id,
      invoice_id,
    ])
    if (begun) {
      await t.query(`select billing.finish_payment($1, $2, $3, 'pi_' || ($2::uuid)::text)`, [
        tenant_id,
        begun.payment_id,
        random() < 0.35 ? 'failed' : 'succeeded',
      ])
    } else if (random() < 0.6) {
      await t.query(`select set_config('role', 'rowhouse_admin', true), set_config('rowhouse.tenant_id', $1, true)`, [
        tenant_id,
      ])
      const amount = await t.value(`select amount_due from app_public.invoice($1)`, [invoice_id])
      if (Number(amount) > 0) await t.query('select app_public.record_payment($1, $2)', [invoice_id, amount])
      await t.becomeRole('rowhouse_worker')
    }
  }
}

/** The first day, in a zone, of the running period; a month of a new subscription begins when the running one has ended. */
function quotaStart(spans: Spans, at: number, anchor: Date, timezone: string): string {
  const today = new Intl.DateTimeFormat('en-CA', { timeZone: timezone }).format(at)
  const last = spans.at(-1)
  if (last && today < last[1]) return last[0]
  const [first, next] = quotaMonth(at, anchor, timezone)
  if (last && first < last[1]) last[1] = next
  else spans.push([first, next])
  return spans.at(-1)?.[0] ?? first
}

/** First and last day, excluded, of the month from the anchor's day that an instant falls into, by calendar arithmetic. */
function quotaMonth(at: number, anchor: Date, timezone: string): [string, string] {
  const localDay = (instant: number | Date): [number, number, number] =>
    new Intl.DateTimeFormat('en-CA', { timeZone: timezone }).format(instant).split('-').map(Number) as [
      number,
      number,
      number,
    ]
  const [year, month, date] = localDay(at)
  const anchorDay = localDay(anchor)[2]
  const startIn = (monthIndex: number): number => {
    const lastDay = new Date(Date.UTC(year, monthIndex + 1, 0)).getUTCDate()
    return Date.UTC(year, monthIndex, Math.min(anchorDay, lastDay))
  }
  const first = Date.UTC(year, month - 1, date) >= startIn(month - 1) ? month - 1 : month - 2
  const [from = '', until = ''] = [first, first + 1].map((index) => new Date(startIn(index)).toISOString().slice(0, 10))
  return [from, until]
}

/** Uses API calls, or reserves tokens and records what a call took, which counts; what was refused or let go was not used. */
async function useQuota(t: Transaction, tenant: Tenant, chance: () => number): Promise<string> {
  await t.becomeSuperuser()
  const [row] = await t.query<{ at: Date; anchor: Date; timezone: string }>(
    `select core.clock() as at, coalesce(subscription_started_at, created_at) as anchor, timezone from app_public.tenants where id = $1`,
    [tenant.id],
  )
  const { at, anchor, timezone } = row as { at: Date; anchor: Date; timezone: string }
  await t.become(tenant as never)
  const isCalls = chance() < 0.6
  const amount = 1 + Math.floor(chance() * (isCalls ? 40 : 4000))
  let quantity = amount
  if (isCalls) {
    const code = await t.errorCode(`select * from app_public.consume_quota('api_calls', $1)`, [amount])
    if (code) return code
  } else {
    const code = await t.errorCode(`select app_public.reserve_quota('tokens', $1)`, [amount])
    if (code) return code
    quotaStart(tenant.spans.tokens ?? [], at.getTime(), anchor, timezone)
    // a process that dies lets its reservation expire
    if (chance() < 0.3) return 'expired'
    quantity = Math.ceil(amount * chance())
    await t.query(
      `select app_public.release_reservation(id) from app_public.quota_reservations where settled_at is null and expires_at > core.clock()`,
    )
  }
  const type = isCalls ? 'api_call' : 'input_tokens'
  await t.query(`select app_public.record_usage(${eventOf('$1::text', '$2::text', '$3::text')})`, [
    `${tenant.id}-${tenant.ledger.length}`,
    type,
    quantity,
  ])
  tenant.ledger.push({
    type,
    quantity,
    at: at.getTime(),
    recordedAt: at.getTime(),
    quotaStart: quotaStart(tenant.spans[isCalls ? 'api_calls' : 'tokens'] ?? [], at.getTime(), anchor, timezone),
  })
  return 'done'
}

/** Each counter is the sum of what was used in its period, whichever plans and subscriptions held meanwhile. */
async function quotasAgree(t: Transaction, tenant: Tenant): Promise<void> {
  await t.becomeSuperuser()
  for (const [quotaType, type] of [
    ['api_calls', 'api_call'],
    ['tokens', 'input_tokens'],
  ]) {
    const expected: Record<string, number> = {}
    for (const used of tenant.ledger)
      if (used.type === type && used.quotaStart)
        expected[used.quotaStart] = (expected[used.quotaStart] ?? 0) + used.quantity
    const counters = await t.query<{ first: string; next: string; used: number; events: number }>(
      `select c.period_start::text as first, c.period_end::text as next, c.current_usage::int as used,
              (select coalesce(sum(e.quantity), 0)::int from app_public.usage_events e
                where e.tenant_id = c.tenant_id and e.usage_type = $3
                  and e.occurred_at >= c.starts_at and e.occurred_at < c.ends_at) as events
         from app_public.quota_tracking c
        where c.tenant_id = $1 and c.quota_type = $2 and c.quota_scope = 'tenant'
        order by c.starts_at`,
      [tenant.id, quotaType, type],
    )
    // a period of which everything was expired has a counter, too
    expect([tenant.id, quotaType, counters.map(({ first, next }) => [first, next])]).toEqual([
      tenant.id,
      quotaType,
      tenant.spans[quotaType as string],
    ])
    const counted = Object.fromEntries(counters.filter(({ used }) => used > 0).map(({ first, used }) => [first, used]))
    expect([tenant.id, quotaType, counted]).toEqual([tenant.id, quotaType, expected])
    // and the events say the same
    for (const { first, used, events } of counters)
      expect([tenant.id, quotaType, first, events]).toEqual([tenant.id, quotaType, first, used])
  }
}

async function ledgerAgrees(t: Transaction, tenant: Tenant): Promise<void> {
  const sums = (entries: { type: string; quantity: number }[]): Record<string, number> => {
    const result: Record<string, number> = Object.fromEntries(types.map((type) => [type, 0]))
    for (const { type, quantity } of entries) result[type] = (result[type] ?? 0) + quantity
    return result
  }
  // ledger = events = days of the roll-up
  await t.becomeRole('rowhouse_worker')
  await t.query('select metering.roll_up_usage($1)', [tenant.id])
  await t.becomeSuperuser()
  for (const source of ['app_public.usage_events', 'metering.usage_days']) {
    const rows = await t.query<{ type: string; quantity: number }>(
      `select usage_type as type, sum(quantity)::int as quantity from ${source} where tenant_id = $1 group by 1`,
      [tenant.id],
    )
    expect([source, sums(rows)]).toEqual([source, sums(tenant.ledger)])
  }
  // what invoices counted of a period, late events included, is the ledger's
  const billed = await t.query<{ type: string; from: Date; until: Date; quantity: number }>(
    `select l.usage_type as type, l.service_start as "from", l.service_end as until, max(l.quantity)::int as quantity
       from app_public.invoice_lines l join app_public.invoices i on i.tenant_id = l.tenant_id and i.id = l.invoice_id and i.status <> 'draft'
      where l.tenant_id = $1 and l.component_id is not null group by 1, 2, 3`,
    [tenant.id],
  )
  for (const { type, from, until, quantity } of billed) {
    const used = tenant.ledger.filter((u) => u.type === type && u.at >= from.getTime() && u.at < until.getTime())
    expect([tenant.id, type, from, quantity]).toEqual([tenant.id, type, from, sums(used)[type]])
  }
}

it('an adjustment is the same whether events come one by one or all at once', () =>
  db.inTransaction(async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 2, maxLength: 8 }), async (parts) => {
        const total = parts.reduce((a, b) => a + b, 0)
        const [row] = await t.query<{ same: boolean }>(
          `with c as (
             select row(null, null, 'search', 'tiered', null, null, '[{"upTo": 100, "unitAmount": 0.013}, {"unitAmount": 0.007}]', 30, null)::app_public.plan_price_components as c
           ), steps as (
             select n, sum(n) over (order by i) as after from unnest($1::numeric[]) with ordinality as x (n, i)
           )
           select sum(billing.adjustment_amount(c, after - n, after, 1, 'USD')) = billing.adjustment_amount(c, 0, $2, 1, 'USD') as same from steps, c group by c`,
          [parts, total],
        )
        expect(row?.same).toBe(true)
      }),
      { seed: 20_260_101, numRuns: 50 },
    )
  }))
