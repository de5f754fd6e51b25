// What a customer tries to live for free: each attempt from outside, as the owner of a tenant.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { addPlan, asStaff, differences, invoicesOf, payByInvoice, runBilling, use } from './helpers.ts'

const db = useDatabase()

const begin = async (t: Transaction, cycle = 'monthly'): Promise<void> => {
  await addPlan(t, { slug: 'small', amount: cycle === 'annual' ? 300 : 30, cycle })
  await payByInvoice(t, db.acme.id)
  await setClock(t, '2025-04-10 12:00Z')
  await t.become(db.acme.owner)
  await t.query(`select app_public.start_subscription('small', $1::app_public.billing_cycle_enum)`, [cycle])
}

const credit = async (t: Transaction): Promise<number> => {
  await t.becomeSuperuser()
  return t.value<number>('select coalesce(sum(amount), 0)::float from app_public.credit_entries where tenant_id = $1', [
    db.acme.id,
  ])
}

describe('the owner of a tenant', () => {
  it('has no credit from an annual invoice that was never paid', () =>
    db.inTransaction(async (t) => {
      await begin(t, 'annual')
      await setClock(t, '2025-04-10 12:01Z')
      await t.query('select app_public.cancel_subscription(true)')
      expect(await credit(t)).toBe(0)
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('pays a month in full that was paused every night', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      const codes: (string | undefined)[] = []
      for (let day = 11; day < 31; day += 1) {
        await t.become(db.acme.owner)
        await setClock(t, `2025-04-${day} 23:00Z`)
        codes.push(await t.errorCode('select app_public.pause_subscription()'))
        await setClock(t, `2025-04-${day + 1 > 30 ? 30 : day + 1} 01:00Z`)
        await t.errorCode('select app_public.resume_subscription()')
      }
      await runBilling(t, db.acme.id, '2025-05-10 12:00Z')
      const april = (await invoicesOf(t, db.acme.id)).reduce((sum, invoice) => sum + Number(invoice.total), 0)
      expect(codes).toContain(undefined)
      expect(april).toBeGreaterThanOrEqual(30)
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('writes neither invoices, lines, credit nor prices by hand', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await t.become(db.acme.owner)
      for (const statement of [
        `update app_public.invoices set total = 0`,
        `delete from app_public.invoice_lines`,
        `insert into app_public.credit_entries (tenant_id, amount, currency) values ('${db.acme.id}', 100, 'USD')`,
        `update app_public.plan_prices set amount = 0`,
        `update app_public.subscriptions set current_period_end = 'infinity'`,
        `update app_public.billing_profiles set tax_rate = 0`,
      ])
        expect([statement, await t.errorCode(statement)]).toEqual([statement, '42501'])
    }))

  it('cannot call what belongs to staff', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await t.become(db.acme.owner)
      for (const call of [
        `add_credit(100, 'x')`,
        `save_plan('small', 'x')`,
        `set_tax_rate('DE', 0)`,
        `add_plan_price('small', 'USD', 0)`,
        `save_invoice_issuer('x', 'x')`,
        `save_usage_type('x', 'x')`,
        `extend_trial(7)`,
      ])
        expect([call, await t.errorCode(`select app_public.${call}`)]).toEqual([call, 'TN205'])
    }))
})

/** acme on a plan with a hard quota of tokens in a billing period. */
const beginWithQuota = async (t: Transaction, tokens: number): Promise<void> => {
  await begin(t)
  await t.becomeSuperuser()
  await t.query(
    `insert into app_public.plan_entitlements (plan_id, kind, key, quota_limit) select id, 'quota', 'tokens', $1 from app_public.plans`,
    [tokens],
  )
}
const consume = async (t: Transaction, amount: number): Promise<string | undefined> => {
  await t.become(db.acme.owner)
  return t.errorCode(`select * from app_public.consume_quota('tokens', $1)`, [amount])
}
const owner = async (t: Transaction, call: string): Promise<string | undefined> => {
  await t.become(db.acme.owner)
  return t.errorCode(`select * from app_public.${call}`)
}
const staff = async (t: Transaction, call: string): Promise<string | undefined> => {
  await asStaff(t, db, db.acme.id)
  return t.errorCode(`select * from app_public.${call}`)
}
/** What was charged and not given back, of all documents that hold. */
const billed = async (t: Transaction): Promise<number> =>
  (await invoicesOf(t, db.acme.id))
    .filter(({ status }) => status !== 'void')
    .reduce((sum, { total }) => sum + Number(total), 0)

const paid = async (t: Transaction): Promise<number> => {
  await t.becomeSuperuser()
  return t.value<number>(
    `select coalesce(sum(amount), 0)::float from app_public.payments where tenant_id = $1 and status = 'succeeded'`,
    [db.acme.id],
  )
}

describe('a quota of a plan', () => {
  it('has no second counter by a change of the time zone at the borders of days and periods', () =>
    db.inTransaction(async (t) => {
      await beginWithQuota(t, 100)
      expect(await consume(t, 100)).toBeUndefined()
      const outcomes = new Set<string | undefined>()
      for (const at of [
        '2025-04-10 23:59Z',
        '2025-04-11 00:01Z',
        '2025-04-30 23:59Z',
        '2025-05-09 13:00Z',
        '2025-05-09 23:59Z',
      ])
        for (const zone of ['Pacific/Kiritimati', 'Pacific/Pago_Pago', 'UTC']) {
          await t.becomeSuperuser()
          await setClock(t, at)
          await t.query('update app_public.tenants set timezone = $1 where id = $2', [zone, db.acme.id])
          outcomes.add(await consume(t, 1))
        }
      expect([...outcomes]).toEqual(['QT601'])
    }))

  it('has no second counter by cancelling and starting again', () =>
    db.inTransaction(async (t) => {
      await beginWithQuota(t, 100)
      expect(await consume(t, 100)).toBeUndefined()
      await t.becomeSuperuser()
      await payAll(t)
      await owner(t, 'cancel_subscription(false)')
      await setClock(t, '2025-04-12Z')
      await owner(t, `start_subscription('small')`)
      expect(await consume(t, 1)).toBe('QT601')
    }))

  it('holds again after it was lifted for a while, by an override or an edit of the plan, and goes on counting', () =>
    db.inTransaction(async (t) => {
      await beginWithQuota(t, 100)
      expect(await consume(t, 90)).toBeUndefined()
      const [lift, restore] = [
        `insert into app_public.usage_quotas (tenant_id, quota_type, period, quota_limit, source)
         values ('${db.acme.id}', 'tokens', 'billing', null, 'override')`,
        `delete from app_public.usage_quotas where source = 'override'`,
      ]
      await t.becomeSuperuser()
      await t.query(lift)
      expect(await consume(t, 5000)).toBeUndefined()
      await t.becomeSuperuser()
      await t.query(restore)
      expect([await consume(t, 11), await consume(t, 10)]).toEqual(['QT601', undefined])
      await staff(t, `remove_plan_entitlement('small', 'quota', 'tokens')`)
      expect(await consume(t, 1000)).toBeUndefined()
      await staff(t, `set_plan_entitlement('small', 'quota', 'tokens', quota_limit => 100)`)
      expect(await consume(t, 1)).toBe('QT601')
    }))

  it('is neither lifted, raised nor deleted by the tenant', () =>
    db.inTransaction(async (t) => {
      await beginWithQuota(t, 100)
      await t.become(db.acme.owner)
      for (const [statement, code] of [
        [
          `insert into app_public.usage_quotas (quota_type, period, quota_limit, source) values ('tokens', 'billing', null, 'override')`,
          '42501',
        ],
        [
          `insert into app_public.usage_quotas (quota_type, period, quota_limit, source, overage_allowed, is_hard_limit) values ('tokens', 'month', 1, 'own', true, false)`,
          '42501',
        ],
        [`update app_public.usage_quotas set source = 'own'`, '42501'],
        [`update app_public.tenants set plan_features = '{"everything": true}'`, '42501'],
        [`update app_public.tenants set quotas = '{"max_agents": null}'`, '42501'],
        [`update app_public.tenants set subscription_tier = 'enterprise'`, '42501'],
        [`update app_public.quota_tracking set current_usage = 0`, '42501'],
        [`select metering.recount_quotas('${db.acme.id}')`, '42501'],
        [`select billing.apply_entitlements('${db.acme.id}')`, '42501'],
      ])
        expect([statement, await t.errorCode(statement as string)]).toEqual([statement, code])
      // what no policy shows is not there to be changed
      await t.query(`update app_public.usage_quotas set quota_limit = 1000000`)
      await t.query(`delete from app_public.usage_quotas`)
      expect(await consume(t, 101)).toBe('QT601')
    }))

  it('counts what was recorded without being consumed, and under another time', () =>
    db.inTransaction(async (t) => {
      await beginWithQuota(t, 100)
      await use(t, db.acme.owner, 'input_tokens', 60, '2025-04-10 11:00Z')
      await use(t, db.acme.owner, 'input_tokens', 60, '2024-12-01Z')
      expect(await consume(t, 1)).toBe('QT601')
    }))

  it('is not given back by amounts below nothing', () =>
    db.inTransaction(async (t) => {
      await beginWithQuota(t, 100)
      expect(await consume(t, 100)).toBeUndefined()
      for (const amount of ['-100', '0', 'NaN', 'Infinity', '-Infinity', '1e40', '0.5', null]) {
        await t.become(db.acme.owner)
        for (const call of ['consume_quota', 'reserve_quota'])
          expect([amount, await t.errorCode(`select app_public.${call}('tokens', $1)`, [amount])]).toEqual([
            amount,
            'QT403',
          ])
      }
      expect(await consume(t, 1)).toBe('QT601')
    }))
})

/** Staff record a transfer for everything that is due. */
const payAll = async (t: Transaction): Promise<void> => {
  for (const { id, status } of await invoicesOf(t, db.acme.id)) {
    if (status !== 'finalised') continue
    await asStaff(t, db, db.acme.id)
    await t.query(
      `select app_public.record_payment($1, i.amount_due) from app_public.invoices i where i.id = $1 and i.amount_due > 0`,
      [id],
    )
  }
}

describe('a subscription', () => {
  it('costs a day for each day, however often it is ended and started again', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      for (let hour = 13; hour < 24; hour += 1) {
        await payAll(t)
        await setClock(t, `2025-04-10 ${hour}:00Z`)
        await owner(t, 'cancel_subscription(false)')
        await owner(t, `start_subscription('small')`)
      }
      await payAll(t)
      await owner(t, 'cancel_subscription(false)')
      // one day of thirty is 1.00
      expect((await paid(t)) - (await credit(t))).toBeGreaterThanOrEqual(1)
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('is paid for a larger plan that was held for a minute', () =>
    db.inTransaction(async (t) => {
      await addPlan(t, { slug: 'large', tier: 'enterprise', amount: 300 })
      await begin(t)
      await payAll(t)
      await owner(t, `change_plan('large')`)
      await payAll(t)
      await setClock(t, '2025-04-10 12:01Z')
      expect(await owner(t, `change_plan('small')`)).toBeUndefined()
      await owner(t, 'cancel_subscription(false)')
      // the day of the change belongs to the new plan: 300 / 30
      await payAll(t)
      expect((await paid(t)) - (await credit(t))).toBeGreaterThanOrEqual(10)
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('with a coupon of everything leaves no credit of what was never charged', () =>
    db.inTransaction(async (t) => {
      await addPlan(t, { slug: 'large', tier: 'enterprise', amount: 300 })
      await addPlan(t, { slug: 'small', amount: 30 })
      await payByInvoice(t, db.acme.id)
      await setClock(t, '2025-04-10 12:00Z')
      await staff(t, `create_coupon('ALL', 'All', 'forever', percent_off => 100)`)
      expect(await owner(t, `redeem_coupon('ALL')`)).toBeUndefined()
      expect(await owner(t, `redeem_coupon('all')`)).toMatch(/^LB/)
      await owner(t, `start_subscription('small')`)
      await owner(t, `change_plan('large')`)
      await owner(t, 'cancel_subscription(false)')
      expect(await credit(t)).toBe(0)
      expect(await billed(t)).toBe(0)
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it.each([101, -1, 0, 'NaN', 'Infinity'])('takes no coupon of %s percent', (percent) =>
    db.inTransaction(async (t) => {
      expect(await staff(t, `create_coupon('X', 'X', 'forever', percent_off => '${percent}')`)).toMatch(/^(LB4|23|22)/)
    }),
  )

  it('of a year pays its use by the month, and gives back no more than was paid', () =>
    db.inTransaction(async (t) => {
      await addPlan(t, {
        slug: 'small',
        amount: 300,
        cycle: 'annual',
        components: [{ usageType: 'tool_call', model: 'per_unit', unitAmount: 1, included: 12 }],
      })
      await payByInvoice(t, db.acme.id)
      await setClock(t, '2025-04-10 12:00Z')
      await owner(t, `start_subscription('small', 'annual')`)
      await setClock(t, '2025-04-20Z')
      await use(t, db.acme.owner, 'tool_call', 50, '2025-04-20Z')
      await runBilling(t, db.acme.id, '2025-05-12Z')
      const usage = (await invoicesOf(t, db.acme.id))
        .flatMap(({ lines }) => lines)
        .filter(({ kind }) => kind === 'overage')
      expect(usage.length).toBe(1)
      expect(Number(usage[0]?.amount)).toBeGreaterThan(0)
      await payAll(t)
      const cash = await paid(t)
      await owner(t, 'cancel_subscription(false)')
      expect(await credit(t)).toBeLessThan(cash)
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('that has ended bills what is recorded late into it', () =>
    db.inTransaction(async (t) => {
      await addPlan(t, {
        slug: 'small',
        amount: 30,
        components: [{ usageType: 'tool_call', model: 'per_unit', unitAmount: 1 }],
      })
      await payByInvoice(t, db.acme.id)
      await setClock(t, '2025-04-10 12:00Z')
      await owner(t, `start_subscription('small')`)
      await setClock(t, '2025-04-20Z')
      await owner(t, 'cancel_subscription(false)')
      await runBilling(t, db.acme.id, '2025-04-25Z')
      const before = await billed(t)
      await use(t, db.acme.owner, 'tool_call', 7, '2025-04-15Z')
      await runBilling(t, db.acme.id, '2025-04-28Z')
      await runBilling(t, db.acme.id, '2025-05-01Z')
      expect((await billed(t)) - before).toBe(7)
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('does not come back when the tenant is deactivated and activated again', () =>
    db.inTransaction(async (t) => {
      await beginWithQuota(t, 100)
      await t.becomeSuperuser()
      for (const status of ['inactive', 'active'])
        await t.query('update app_public.tenants set status = $1 where id = $2', [status, db.acme.id])
      expect(
        await t.query(`select status::text from app_public.subscriptions where tenant_id = $1`, [db.acme.id]),
      ).toEqual([{ status: 'cancelled' }])
      expect(await owner(t, 'resume_subscription()')).toBe('LB303')
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  it('has no version of a price rewritten, nor a plan deleted, under it', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      await t.becomeSuperuser()
      for (const statement of [
        'update app_public.plan_prices set amount = 0',
        'update app_public.plan_prices set valid_from = now()',
        'delete from app_public.plan_prices',
        'delete from app_public.plans',
      ])
        expect([statement, await t.errorCode(statement)]).toEqual([statement, expect.stringMatching(/^(LB|23)/)])
    }))
})

describe('a trial', () => {
  const beginTrial = async (t: Transaction) => {
    for (const slug of ['one', 'two', 'three']) await addPlan(t, { slug, amount: 30, trialDays: 14 })
    await payByInvoice(t, db.acme.id)
    await setClock(t, '2025-04-10 12:00Z')
    await owner(t, `start_subscription('one')`)
  }
  const ends = async (t: Transaction) => {
    await t.becomeSuperuser()
    return t.value<string>(
      `select string_agg(distinct trial_ends_at::date::text, ',') from app_public.subscriptions where tenant_id = $1`,
      [db.acme.id],
    )
  }

  it('does not grow by going from plan to plan with trials', () =>
    db.inTransaction(async (t) => {
      await beginTrial(t)
      const end = await ends(t)
      for (const [day, plan] of [
        ['15', 'two'],
        ['20', 'three'],
        ['23', 'one'],
      ]) {
        await setClock(t, `2025-04-${day} 12:00Z`)
        expect(await owner(t, `change_plan('${plan}')`)).toBeUndefined()
      }
      expect(await ends(t)).toBe(end)
      await runBilling(t, db.acme.id, '2025-04-26 12:00Z')
      expect(await billed(t)).toBe(30)
    }))

  it('is no second one after a cancelled one, nor is it extended by the customer', () =>
    db.inTransaction(async (t) => {
      await beginTrial(t)
      expect(await owner(t, 'extend_trial(365)')).toBe('TN205')
      await owner(t, 'cancel_subscription(false)')
      await owner(t, `start_subscription('two')`)
      await t.becomeSuperuser()
      expect(
        await t.query(
          `select status::text from app_public.subscriptions where tenant_id = $1 order by created_at, status`,
          [db.acme.id],
        ),
      ).not.toContainEqual({ status: 'trialing' })
      expect(await billed(t)).toBe(30)
    }))
})

describe('who may not manage billing', () => {
  it.each(['member', 'viewer'] as const)('as a %s changes nothing of it', (role) =>
    db.inTransaction(async (t) => {
      await begin(t)
      await t.become(db.acme[role])
      for (const call of [
        `change_plan('small')`,
        'cancel_subscription(false)',
        'pause_subscription()',
        'resume_subscription()',
        `start_subscription('small')`,
        'top_up_wallet(10)',
        `redeem_coupon('X')`,
        `add_payment_method('pm_x')`,
        `update_billing_profile(currency => 'JPY')`,
        'pay_invoice(gen_random_uuid())',
        'preview_invoice()',
      ])
        expect([call, await t.errorCode(`select * from app_public.${call}`)]).toEqual([call, 'ID203'])
      expect(await t.value('select count(*)::int from app_public.invoices')).toBe(0)
    }),
  )

  it('from another tenant sees and touches nothing', () =>
    db.inTransaction(async (t) => {
      await begin(t)
      const [first] = await invoicesOf(t, db.acme.id)
      await t.become(db.globex.owner)
      for (const call of [
        `pay_invoice('${first?.id}')`,
        `cancel_top_up('${first?.id}')`,
        `explain_invoice('${first?.id}')`,
      ])
        expect([call, await t.errorCode(`select * from app_public.${call}`)]).toEqual([call, 'LB304'])
      expect(await t.value('select count(*)::int from app_public.invoices')).toBe(0)
    }))
})

describe('who attacks over the API', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startTestServer(db.url)
  })
  afterAll(() => server.close())
  const codeOf = async (email: string, mutation: string): Promise<unknown> => {
    const answer = await server.ask(email, mutation)
    return (answer as { errors?: { extensions: { code: string } }[] }).errors?.[0]?.extensions.code
  }

  it.each([
    ['member@acme.test', 'startSubscription(input: {plan: "small"}) { subscription { id } }', 'ID203'],
    ['member@acme.test', 'topUpWallet(input: {amount: "5"}) { invoice { id } }', 'ID203'],
    ['owner@acme.test', 'addCredit(input: {amount: "100", memo: "x"}) { creditEntry { id } }', 'TN205'],
    ['owner@acme.test', 'giveWalletMoney(input: {amount: "100", memo: "x"}) { __typename }', 'TN205'],
    ['owner@acme.test', 'extendTrial(input: {days: 365}) { subscription { id } }', 'TN205'],
    ['owner@acme.test', 'consumeQuota(input: {quotaType: tokens, amount: "-5"}) { quotas { remaining } }', 'QT403'],
    ['viewer@acme.test', 'consumeQuota(input: {quotaType: tokens, amount: "5"}) { quotas { remaining } }', 'ID203'],
  ])('as %s is refused %s', async (email, mutation, code) => {
    expect(await codeOf(email, `mutation { ${mutation} }`)).toBe(code)
  })
})
