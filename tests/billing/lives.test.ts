// Random lives of customers, each action seeded: start, change, pause, resume, cancel, use, pay, fail, bounce, refund, redeem a
// coupon, add and remove seats. A model that
// knows only days and prices says what the plan that was held is worth; nobody is ever billed less, by whatever order of
// actions, nobody pays twice for a day without having started twice on it, usage never costs less than
// what was committed for the time it was held, and the books agree after each life.
// LIVES=1000 lives that many.

import { expect, it } from 'vitest'
import { mulberry32 } from '../../bench/random.ts'
import { setClock } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { addPlan, asStaff, differences, payByInvoice, use } from './helpers.ts'

const db = useDatabase()
const lives = Number(process.env.LIVES ?? 12)
const actionsOfALife = 60
const hour = 3_600_000
// every third life begins with the first coupon, and every third one redeems the second somewhere in it
const share = 0.8
const coupons = `
  insert into app_public.coupons (code, name, percent_off, amount_off, currency, duration, duration_periods)
  values ('FOREVER', 'A fifth off', 20, null, null, 'forever', null), ('THRICE', 'Ten off', null, 10, 'USD', 'repeating', 3)`
const mostOff = 3 * 10
const prices: Record<string, Record<string, number>> = {
  monthly: { free: 0, small: 30, large: 90 },
  annual: { small: 300, large: 900 },
}

// what the usage of a period costs at least
const commitments: Record<string, Record<string, number>> = {
  monthly: { free: 0, small: 12, large: 40 },
  annual: { small: 120, large: 400 },
}

// each seat beyond the included ones of the plan small, so that its price passes that of the plan large
const seatPrices: Record<string, number> = { monthly: 3, annual: 30 }
const includedSeats = 10

type Held = { plan: string; cycle: string; days: number; seats: number | null } | undefined

const priceOf = ({ plan, cycle, seats }: NonNullable<Held>): number =>
  (prices[cycle]?.[plan] ?? Number.NaN) +
  (seats === null ? 0 : (seatPrices[cycle] ?? Number.NaN) * (seats - includedSeats))

async function addPlans(t: Transaction): Promise<void> {
  for (const [cycle, plans] of Object.entries(prices))
    for (const [slug, amount] of Object.entries(plans))
      await addPlan(t, {
        slug,
        cycle,
        amount,
        committed: commitments[cycle]?.[slug] ?? 0,
        ...(slug === 'small' ? { seatAmount: seatPrices[cycle], includedSeats } : {}),
        tier: { free: 'free', small: 'standard' }[slug] ?? 'professional',
        components: [{ usageType: 'search', model: 'per_unit', unitAmount: 0.1, included: 100 }],
      })
}

/** The plan that the tenant is served by at this moment, and the length of its period. */
async function held(t: Transaction): Promise<Held> {
  await t.becomeSuperuser()
  const [row] = await t.query<{ plan: string; cycle: string; days: number; seats: number | null; status: string }>(
    `select p.slug as plan, s.billing_cycle::text as cycle, s.status::text, s.seats,
            (s.current_period_end::date - s.current_period_start::date) as days
       from app_public.subscriptions s join app_public.plans p on p.id = s.plan_id
      where s.tenant_id = $1 and s.ended_at is null`,
    [db.acme.id],
  )
  return row && ['active', 'past_due'].includes(row.status) ? row : undefined
}

async function settleOpenCharges(t: Transaction, outcome: 'succeeded' | 'failed'): Promise<void> {
  await t.becomeRole('rowhouse_worker')
  for (const { invoice_id } of await t.query<{ invoice_id: string }>(
    'select invoice_id from billing.payments_to_collect() where tenant_id = $1',
    [db.acme.id],
  )) {
    const [begun] = await t.query<{ payment_id: string }>('select * from billing.begin_payment($1, $2)', [
      db.acme.id,
      invoice_id,
    ])
    if (begun)
      await t.query(`select billing.finish_payment($1, $2, $3, 'pi_' || ($2::uuid)::text)`, [
        db.acme.id,
        begun.payment_id,
        outcome,
      ])
  }
}

const onePayment = `(select id from app_public.payments where status = 'succeeded' order by attempted_at desc, id limit 1)`

/** Lives one life and returns what its plans were billed. */
async function live(t: Transaction, seed: number): Promise<number> {
  const random = mulberry32(seed)
  const pick = <V>(values: readonly V[]): V => values[Math.floor(random() * values.length)] as V
  const owner = (statement: string) => async (): Promise<void> => {
    await t.become(db.acme.owner)
    expect((await t.errorCode(`select app_public.${statement}`)) ?? 'done').toMatch(/^(done|LB\d{3})$/)
  }
  const staff = (statement: string) => async (): Promise<void> => {
    await asStaff(t, db, db.acme.id)
    expect((await t.errorCode(`select app_public.${statement}`)) ?? 'done').toMatch(/^(done|LB\d{3})$/)
  }
  let now = Date.UTC(2025, 0, 10)
  const actions: (() => Promise<void>)[] = [
    owner(`start_subscription('${pick(['small', 'large'])}', '${pick(['monthly', 'monthly', 'annual'])}', true)`),
    owner(`start_subscription('small', 'monthly', true)`),
    owner(`change_plan('large')`),
    owner(`change_plan('small')`),
    owner(`change_plan('large', 'annual')`),
    owner(`set_seats(${pick([14, 18])})`),
    owner('set_seats(12)'),
    owner('set_seats(10)'),
    owner('pause_subscription()'),
    owner('resume_subscription()'),
    owner('cancel_subscription()'),
    owner('cancel_subscription(false)'),
    () => settleOpenCharges(t, 'succeeded'),
    () => settleOpenCharges(t, 'succeeded'),
    () => settleOpenCharges(t, 'failed'),
    staff(`reverse_payment(${onePayment}, 'bounced')`),
    staff(`refund_payment(${onePayment}, 5)`),
    ...(seed % 3 === 1 ? [owner(`redeem_coupon('THRICE')`)] : []),
    () =>
      use(
        t,
        db.acme.member,
        'search',
        Math.ceil(random() * 30),
        // the clock stands at the last step before now
        new Date(now - 6 * hour - random() * 20 * 24 * hour).toISOString(),
      ),
  ]
  const days = new Map<number, { least: number; most: number }>()
  // what was committed for the six hours that begin at an instant, by the plan that was held last at it
  const committed = new Map<number, number>()
  let at = now
  let doubled = 0
  const observe = async (): Promise<void> => {
    const subscription = await held(t)
    committed.set(
      at,
      subscription ? (commitments[subscription.cycle]?.[subscription.plan] ?? Number.NaN) / subscription.days / 4 : 0,
    )
    if (!subscription) return
    const worth = priceOf(subscription) / subscription.days
    const day = days.get(Math.floor(at / 24 / hour))
    days.set(Math.floor(at / 24 / hour), {
      least: Math.min(worth, day?.least ?? worth),
      most: Math.max(worth, day?.most ?? worth),
    })
  }
  if (seed % 3 === 0) await owner(`redeem_coupon('FOREVER')`)()
  for (let i = 0; i < actionsOfALife; i += 1) {
    const until = now + Math.ceil(random() ** 3 * 12 * 24) * hour
    for (; now < until; now += 6 * hour) {
      await setClock(t, new Date(now).toISOString())
      at = now
      await t.becomeRole('rowhouse_worker')
      await t.query('select billing.run_billing($1)', [db.acme.id])
      await observe()
    }
    const before = await held(t)
    await pick(actions)()
    await observe()
    if (!before && (await held(t))) doubled += 90 / 28
  }
  await owner('cancel_subscription(false)')()
  await observe()
  await t.becomeRole('rowhouse_worker')
  await t.query('select billing.run_billing($1)', [db.acme.id])

  expect([seed, await differences(t, db.acme.id)]).toEqual([seed, []])
  await t.becomeSuperuser()
  const [billed] = await t.query<{ sum: number; lines: number }>(
    `select coalesce(sum(l.amount), 0)::float8 as sum, count(*)::int as lines
       from app_public.invoice_lines l join app_public.invoices i on i.tenant_id = l.tenant_id and i.id = l.invoice_id
      where l.tenant_id = $1 and l.kind in ('recurring', 'proration', 'discount') and i.status not in ('draft', 'void')`,
    [db.acme.id],
  )
  const total = (of: 'least' | 'most'): number =>
    [...days.values()].reduce((sum, day) => sum + day[of], 0) * (seed % 3 === 0 ? share : 1)
  // a coupon takes off no more than its terms say; on a day that is charged twice, twice
  const discounted = seed % 3 === 1 ? mostOff + doubled / 9 : 0
  const { sum, lines } = billed ?? { sum: Number.NaN, lines: 0 }
  const refunded = await t.value<number>(
    'select coalesce(sum(amount), 0)::float8 from app_public.refunds where tenant_id = $1',
    [db.acme.id],
  )
  const rounding = 0.006 * lines
  expect([seed, sum - total('least') > -rounding - discounted]).toEqual([seed, true])
  // what was refunded is not credited again
  expect([seed, sum - total('most') < doubled + refunded + rounding]).toEqual([seed, true])
  // drafts as well: the usage of a period is final some hours after it
  const used = await t.value<number>(
    `select coalesce(sum(l.amount), 0)::float8
       from app_public.invoice_lines l join app_public.invoices i on i.tenant_id = l.tenant_id and i.id = l.invoice_id
      where l.tenant_id = $1 and l.kind in ('usage', 'overage', 'adjustment', 'commitment') and i.status <> 'void'`,
    [db.acme.id],
  )
  const least = [...committed.values()].reduce((total, part) => total + part, 0)
  expect([seed, least > 0 && used > least - rounding]).toEqual([seed, true])
  return sum
}

it(`no order of actions makes a plan cheaper than its price (${lives} lives)`, { timeout: 3_600_000 }, async () => {
  let billed = 0
  for (let seed = 1; seed <= lives; seed += 1)
    billed += await db.inTransaction(async (t) => {
      await addPlans(t)
      await t.query(coupons)
      await payByInvoice(t, db.acme.id)
      await t.query(`update app_public.billing_profiles set collection_method = 'automatic' where tenant_id = $1`, [
        db.acme.id,
      ])
      await t.query(
        `insert into app_public.payment_methods (tenant_id, provider, provider_method_id, status, is_default) values ($1, 'stripe', 'pm_1', 'attached', true)`,
        [db.acme.id],
      )
      return live(t, seed)
    })
  expect(billed).toBeGreaterThan(50 * lives)
})
