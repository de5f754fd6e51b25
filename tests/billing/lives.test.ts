// Random lives of customers, each action seeded: start, change, pause, resume, cancel, use, pay, fail, bounce, refund, redeem a
// coupon, add and remove seats, and the same for add-ons. A model that knows only days and prices says what the plan that was held
// is worth; nobody is ever billed less, by whatever order of actions, nobody pays twice for a day without having started twice on
// it, usage never costs less than what was committed for the time it was held, prepaid money is conserved, and the books agree
// after each life.
// LIVES=1000 lives that many.

import { expect, it } from 'vitest'
import { mulberry32 } from '../../bench/random.ts'
import { setClock } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { addPlan, amountsOf, asStaff, differences, invoicesOf, payByInvoice, use } from './helpers.ts'

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
  monthly: { free: 0, small: 30, large: 90, extra: 15, bulk: 60 },
  annual: { small: 300, large: 900, extra: 150 },
}
const addOns = ['extra', 'bulk']

// what the usage of a period costs at least
const commitments: Record<string, Record<string, number>> = {
  monthly: { free: 0, small: 12, large: 40 },
  annual: { small: 120, large: 400 },
}

// each seat beyond the included ones of the plan small, so that its price passes that of the plan large
const seatPrices: Record<string, number> = { monthly: 3, annual: 30 }
const includedSeats = 10

type Held = { id: string; plan: string; isAddOn: boolean; cycle: string; days: number; seats: number | null }

const priceOf = ({ plan, cycle, seats }: Held): number =>
  (prices[cycle]?.[plan] ?? Number.NaN) +
  (seats === null ? 0 : (seatPrices[cycle] ?? Number.NaN) * (seats - includedSeats))

async function addPlans(t: Transaction): Promise<void> {
  for (const [cycle, plans] of Object.entries(prices))
    for (const [slug, amount] of Object.entries(plans))
      await addPlan(t, {
        slug,
        cycle,
        amount,
        isAddOn: addOns.includes(slug),
        committed: commitments[cycle]?.[slug] ?? 0,
        ...(slug === 'small' ? { seatAmount: seatPrices[cycle], includedSeats } : {}),
        tier: { free: 'free', small: 'standard', extra: 'standard' }[slug] ?? 'professional',
        components: addOns.includes(slug)
          ? []
          : [{ usageType: 'search', model: 'per_unit', unitAmount: 0.1, included: 100 }],
      })
}

/** The plans that the tenant is served by at this moment, the base first, and the length of their periods. */
async function held(t: Transaction): Promise<Held[]> {
  await t.becomeSuperuser()
  const rows = await t.query<Held>(
    `select s.id, p.slug as plan, s.is_add_on as "isAddOn", s.billing_cycle::text as cycle, s.seats,
            (s.current_period_end::date - s.current_period_start::date) as days
       from app_public.subscriptions s join app_public.plans p on p.id = s.plan_id
      where s.tenant_id = $1 and s.status in ('active', 'past_due') order by s.is_add_on, p.slug`,
    [db.acme.id],
  )
  // an add-on never runs without its base
  expect(rows[0]?.isAddOn ?? false).toBe(false)
  return rows
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

/**
 * The law of conservation, from the documents and without the ledger: the cash that came and stayed is revenue, tax, what is
 * owed to the customer (credit, wallet) and orders not in the wallet, less what is due, was written off or was a gift.
 */
async function unexplainedCash(t: Transaction): Promise<number> {
  await t.becomeSuperuser()
  return t.value<number>(
    `with documents as (
       select i.*, coalesce(c.reason, i.reason) = 'top_up' as is_order
         from app_public.invoices i left join app_public.invoices c on c.id = i.credited_invoice_id
        where i.status not in ('draft', 'void')
     ), wallet as (
       select e.amount, e.reason, w.payment_id is not null as is_paid
         from app_public.wallet_entries e join app_public.wallet_top_ups w on w.id = e.top_up_id
        where e.reason not in ('used', 'released')
     ), parts (part, amount) as (
       select 'cash', sum(amount) from app_public.payments where status = 'succeeded'
       union all select 'refunds', -sum(amount) from app_public.refunds where status = 'succeeded'
       union all select 'payouts', sum(amount) from app_public.credit_entries where reason = 'payout'
       union all select 'revenue', -sum(subtotal) from documents where not is_order
       union all select 'tax', -sum(tax) from documents
       union all select 'ordered', -sum(total) from documents where is_order
       union all select 'put into the wallet', sum(amount) from wallet where is_paid and reason <> 'expired'
       union all select 'expired', sum(amount) from wallet where is_paid and reason = 'expired'
       union all select 'gifts', sum(amount) from wallet where not is_paid
       union all select 'goodwill', sum(amount) from app_public.credit_entries where reason = 'goodwill'
       union all select 'credit', -sum(amount) from app_public.credit_entries
       union all select 'credit on its way back', -sum(credit_amount) from app_public.refunds where status = 'pending'
       union all select 'wallet', -sum(amount_left) from app_public.wallet_top_ups
       union all select 'receivable', sum(amount_due + amount_written_off) from documents
     )
     select coalesce(sum(amount), 0)::float8 from parts`,
  )
}

/** Lives one life and returns what its plans were billed, and on how many days it had an add-on. */
async function live(t: Transaction, seed: number): Promise<{ sum: number; addOnDays: number }> {
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
  /** A change that takes effect at once bills the lines of its preview. */
  const change = (plan: string) => async (): Promise<void> => {
    await t.become(db.acme.owner)
    const preview = `app_public.preview_plan_change(${plan})`
    const shown = (await t.errorCode(`select from ${preview}`))
      ? []
      : await t.query<{ kind: string; amount: string; isNow: boolean }>(
          `select kind, amount::text, effective_at = core.clock() as "isNow" from ${preview}`,
        )
    const before = new Set((await invoicesOf(t, db.acme.id)).map(({ id }) => id))
    await owner(`change_plan(${plan})`)()
    const billed = (await invoicesOf(t, db.acme.id)).filter(({ id }) => !before.has(id)).flatMap(amountsOf)
    if (billed.length === 0) return
    expect([seed, billed.sort()]).toEqual([
      seed,
      shown
        .filter(({ kind, isNow }) => isNow && !['subtotal', 'tax', 'total'].includes(kind))
        .map(({ kind, amount }) => `${kind} ${amount}`)
        .sort(),
    ])
  }
  let now = Date.UTC(2025, 0, 10)
  const actions: (() => Promise<void>)[] = [
    owner(`start_subscription('${pick(['small', 'large'])}', '${pick(['monthly', 'monthly', 'annual'])}', true)`),
    owner(`start_subscription('small', 'monthly', true)`),
    change(`'large'`),
    change(`'small'`),
    change(`'large', 'annual'`),
    owner(`set_seats(${pick([14, 18])})`),
    owner('set_seats(12)'),
    owner('set_seats(10)'),
    owner('pause_subscription()'),
    owner('resume_subscription()'),
    owner('cancel_subscription()'),
    owner('cancel_subscription(false)'),
    owner(`start_subscription('extra', '${pick(['monthly', 'annual'])}')`),
    owner(`start_subscription('${pick(addOns)}')`),
    change(`'bulk', 'monthly', 'extra'`),
    change(`'extra', '${pick(['monthly', 'annual'])}', 'bulk'`),
    owner(`${pick(['pause', 'resume'])}_subscription('${pick(addOns)}')`),
    owner(`cancel_subscription(${pick([true, false])}, '${pick(addOns)}')`),
    () => settleOpenCharges(t, 'succeeded'),
    () => settleOpenCharges(t, 'succeeded'),
    () => settleOpenCharges(t, 'failed'),
    staff(`reverse_payment(${onePayment}, 'bounced')`),
    staff(`refund_payment(${onePayment}, 5)`),
    owner(`top_up_wallet(${pick([20, 100, 500])})`),
    owner(
      `cancel_top_up((select id from app_public.invoices where reason = 'top_up' order by created_at desc, id limit 1))`,
    ),
    staff(`give_wallet_money(10, 'Sorry', core.clock() + interval '20 days')`),
    staff(
      `void_invoice((select id from app_public.invoices where amount_due > 0 and reason = 'top_up' limit 1), 'Undone')`,
    ),
    staff(`add_credit(7, 'Sorry')`),
    staff(`pay_out_credit(3, 'Transfer')`),
    ...(seed % 3 === 1 ? [owner(`redeem_coupon('THRICE')`)] : []),
    () =>
      use(
        t,
        db.acme.member,
        'search',
        Math.ceil(random() * 30),
        new Date(clock - random() * 20 * 24 * hour).toISOString(),
      ),
  ]
  // the clock stands at the last step before now
  let clock = now
  // of each subscription on each day
  const days = new Map<string, { isAddOn: boolean; least: number; most: number }>()
  // what was committed for the six hours that begin at an instant, by the plan that was held last at it
  const committed = new Map<number, number>()
  let doubled = 0
  const observe = async (): Promise<void> => {
    const subscriptions = await held(t)
    const [base] = subscriptions
    committed.set(clock, base ? (commitments[base.cycle]?.[base.plan] ?? Number.NaN) / base.days / 4 : 0)
    for (const one of subscriptions) {
      // a coupon takes nothing off an add-on
      const worth = (priceOf(one) / one.days) * (seed % 3 === 0 && !one.isAddOn ? share : 1)
      const today = `${one.id} ${Math.floor(clock / 24 / hour)}`
      const day = days.get(today)
      days.set(today, {
        isAddOn: one.isAddOn,
        least: Math.min(worth, day?.least ?? worth),
        most: Math.max(worth, day?.most ?? worth),
      })
    }
  }
  if (seed % 3 === 0) await owner(`redeem_coupon('FOREVER')`)()
  for (let i = 0; i < actionsOfALife; i += 1) {
    const until = now + Math.ceil(random() ** 3 * 12 * 24) * hour
    for (; now < until; now += 6 * hour) {
      clock = now
      await setClock(t, new Date(clock).toISOString())
      await t.becomeRole('rowhouse_worker')
      await t.query('select billing.run_billing($1)', [db.acme.id])
      await observe()
    }
    const before = await held(t)
    await pick(actions)()
    await observe()
    if (before.length === 0 && (await held(t)).length > 0) doubled += 90 / 28
  }
  await owner('cancel_subscription(false)')()
  await observe()
  await t.becomeRole('rowhouse_worker')
  await t.query('select billing.run_billing($1)', [db.acme.id])

  expect([seed, await differences(t, db.acme.id)]).toEqual([seed, []])
  expect([seed, await unexplainedCash(t)]).toEqual([seed, 0])
  await t.becomeSuperuser()
  const [billed] = await t.query<{ sum: number; lines: number }>(
    `select coalesce(sum(l.amount), 0)::float8 as sum, count(*)::int as lines
       from app_public.invoice_lines l join app_public.invoices i on i.tenant_id = l.tenant_id and i.id = l.invoice_id
      where l.tenant_id = $1 and l.kind in ('recurring', 'proration', 'discount') and i.status not in ('draft', 'void')`,
    [db.acme.id],
  )
  const total = (of: 'least' | 'most'): number => [...days.values()].reduce((sum, day) => sum + day[of], 0)
  // a coupon takes off no more than its terms say; on a day that is charged twice, twice
  const discounted = seed % 3 === 1 ? mostOff + doubled / 9 : 0
  const { sum, lines } = billed ?? { sum: Number.NaN, lines: 0 }
  const refunded = await t.value<number>(
    'select coalesce(sum(amount), 0)::float8 from app_public.refunds where tenant_id = $1',
    [db.acme.id],
  )
  const rounding = 0.006 * lines
  expect([seed, sum - total('least') >= -rounding - discounted]).toEqual([seed, true])
  // what was refunded is not credited again
  expect([seed, sum - total('most') <= refunded + rounding]).toEqual([seed, true])
  // drafts as well: the usage of a period is final some hours after it
  const used = await t.value<number>(
    `select coalesce(sum(l.amount), 0)::float8
       from app_public.invoice_lines l join app_public.invoices i on i.tenant_id = l.tenant_id and i.id = l.invoice_id
      where l.tenant_id = $1 and l.kind in ('usage', 'overage', 'adjustment', 'commitment') and i.status <> 'void'`,
    [db.acme.id],
  )
  const least = [...committed.values()].reduce((total, part) => total + part, 0)
  expect([seed, used >= least - rounding]).toEqual([seed, true])
  return { sum, addOnDays: [...days.values()].filter(({ isAddOn }) => isAddOn).length }
}

it(`no order of actions makes a plan cheaper than its price (${lives} lives)`, { timeout: 3_600_000 }, async () => {
  const billed = { sum: 0, addOnDays: 0 }
  for (let seed = 1; seed <= lives; seed += 1) {
    const life = await db.inTransaction(async (t) => {
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
    billed.sum += life.sum
    billed.addOnDays += life.addOnDays
  }
  expect(billed.sum).toBeGreaterThan(50 * lives)
  expect(billed.addOnDays).toBeGreaterThan(5 * lives)
})
