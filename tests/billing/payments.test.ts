// Payments: by Stripe's SDK against a server that speaks its calls, by its signed events, and by hand; failures, retries,
// refunds.

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createPool } from '../../server/database.ts'
import { setClock } from '../helpers/clock.ts'
import { queries, type Transaction, transaction, useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { runTask } from '../helpers/tasks.ts'
import { addPlan, asStaff, differences, payByInvoice } from './helpers.ts'
import { type FakeStripe, signed, startFakeStripe, webhookSecret } from './stripe-server.ts'

const db = useDatabase()
let stripe: FakeStripe
let server: TestServer
let workerPool: ReturnType<typeof createPool>
let serial = 0

beforeAll(async () => {
  stripe = await startFakeStripe()
  process.env.STRIPE_SECRET_KEY = 'sk_test_of_the_tests'
  process.env.STRIPE_API_URL = stripe.url
  server = await startTestServer(db.url, { STRIPE_WEBHOOK_SECRET: webhookSecret })
  workerPool = createPool(db.url, 'rowhouse_worker', 2)
  await addPlan(onPool, { slug: 'free', tier: 'free', amount: 0 })
  await addPlan(onPool, { slug: 'paid', amount: 30 })
})
afterAll(async () => {
  delete process.env.STRIPE_SECRET_KEY
  delete process.env.STRIPE_API_URL
  await server.close()
  await workerPool.end()
  await stripe.close()
})
beforeEach(() => {
  Object.assign(stripe, { declineWith: undefined, failures: 0, calls: [] })
})

const onPool = queries(() => db.pool)

/** A transaction that stays, as a superuser unless it becomes someone. */
async function committed<T>(work: (t: Transaction) => Promise<T>): Promise<T> {
  const client = await db.pool.connect()
  try {
    await client.query('begin')
    const result = await work(transaction(client))
    await client.query('commit')
    return result
  } catch (error) {
    await client.query('rollback')
    throw error
  } finally {
    client.release()
  }
}

const run = (task: string, payload: object): Promise<void> => runTask(workerPool, task, payload)

type Tenant = { id: string; owner: { userId: string; tenantId: string } & Record<string, unknown> }

/** A tenant of its own for each test, with a card when it says so. */
async function newTenant(card?: string): Promise<Tenant> {
  serial += 1
  const slug = `payer-${serial}`
  const id = await onPool.value<string>('select id from tenancy.provision_tenant($1, $1, $2)', [
    slug,
    `${slug}@payer.test`,
  ])
  const userId = await onPool.value<string>('select user_id from app_public.user_tenants where tenant_id = $1', [id])
  const tenant: Tenant = {
    id,
    owner: { userId, tenantId: id, tenant: slug, email: `${slug}@payer.test`, role: 'owner' },
  }
  if (card) {
    const methodId = await committed(async (t) => {
      await t.become(tenant.owner as never)
      return t.value<string>('select id from app_public.add_payment_method($1)', [card])
    })
    await run('billing__attach_payment_method', { tenantId: id, paymentMethodId: methodId })
  }
  return tenant
}

const asOwner = <T>(tenant: Tenant, work: (t: Transaction) => Promise<T>): Promise<T> =>
  committed(async (t) => {
    await t.become(tenant.owner as never)
    return work(t)
  })

const subscribe = (tenant: Tenant): Promise<unknown> =>
  asOwner(tenant, (t) => t.query(`select app_public.start_subscription('paid')`))

const collect = async (tenant: Tenant): Promise<void> => {
  const invoiceId = await onPool.value(
    'select id from app_public.invoices where tenant_id = $1 order by created_at desc limit 1',
    [tenant.id],
  )
  await run('billing__collect_payments', { tenantId: tenant.id, invoiceId })
}

const state = async (tenant: Tenant): Promise<Record<string, unknown>> =>
  (
    await onPool.query<Record<string, unknown>>(
      `select i.status::text as invoice, i.amount_paid::text as paid, i.attempt_count as attempts, s.status::text as subscription,
              (select array_agg(p.status::text order by p.created_at) from app_public.payments p where p.invoice_id = i.id) as payments
         from app_public.invoices i left join app_public.subscriptions s on s.id = i.subscription_id
        where i.tenant_id = $1 and i.series = 'invoice' order by i.created_at limit 1`,
      [tenant.id],
    )
  )[0] ?? {}

const notDifferent = (tenant: Tenant): Promise<unknown[]> => committed((t) => differences(t, tenant.id))

async function post(
  body: string,
  signature: string | undefined,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${server.url}/webhooks/stripe`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(signature ? { 'stripe-signature': signature } : {}) },
    body,
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

const send = (id: string, type: string, object: object) => {
  const { body, signature } = signed({ id, type, object })
  return post(body, signature)
}

describe('payment methods', () => {
  describe('of a tenant that adds two', () => {
    let tenant: Tenant
    let customers: unknown[]
    beforeAll(async () => {
      const before = stripe.calls.length
      tenant = await newTenant('pm_card')
      await asOwner(tenant, (t) => t.query(`select app_public.add_payment_method('pm_other')`))
      for (const { id } of await onPool.query<{ id: string }>(
        'select id from app_public.payment_methods where tenant_id = $1',
        [tenant.id],
      ))
        await run('billing__attach_payment_method', { tenantId: tenant.id, paymentMethodId: id })
      customers = stripe.calls.slice(before).filter(({ path }) => path === '/v1/customers')
    })

    it('are attached, and show brand and last digits', async () => {
      expect(
        await onPool.query(
          'select provider_method_id as id, status, brand, last4 from app_public.payment_methods where tenant_id = $1 order by created_at',
          [tenant.id],
        ),
      ).toEqual([
        { id: 'pm_card', status: 'attached', brand: 'visa', last4: '4242' },
        { id: 'pm_other', status: 'attached', brand: 'visa', last4: '4242' },
      ])
    })

    it('belong to one customer', () => {
      expect(customers).toHaveLength(1)
    })

    it('are led by the first, the default', async () => {
      expect(
        await onPool.query(
          'select provider_method_id as id, is_default from app_public.payment_methods where tenant_id = $1 order by created_at',
          [tenant.id],
        ),
      ).toEqual([
        { id: 'pm_card', is_default: true },
        { id: 'pm_other', is_default: false },
      ])
      expect(await onPool.value('select payment_method_id from app_public.tenants where id = $1', [tenant.id])).toBe(
        'pm_card',
      )
    })
  })

  it('that the provider refuses say why, and can be added again', async () => {
    const tenant = await newTenant('pm_unknown')
    expect(
      await onPool.query(
        'select status, failure_message, is_default from app_public.payment_methods where tenant_id = $1',
        [tenant.id],
      ),
    ).toEqual([{ status: 'failed', failure_message: 'No such PaymentMethod.', is_default: false }])
    expect(
      await asOwner(tenant, (t) => t.value(`select status from app_public.add_payment_method('pm_unknown')`)),
    ).toBe('pending')
    expect(await asOwner(tenant, (t) => t.errorCode(`select app_public.add_payment_method('no key!')`))).toBe('23514')
  })

  /** A tenant with the attached pm_a; the id of pm_b, which is not attached yet. */
  async function withSecond(): Promise<{ tenant: Tenant; second: string }> {
    const tenant = await newTenant('pm_a')
    const second = await asOwner(tenant, (t) => t.value<string>(`select id from app_public.add_payment_method('pm_b')`))
    return { tenant, second }
  }
  const removePaymentMethod = 'select app_public.remove_payment_method($1)'

  it('are the default only when they are attached', async () => {
    const { tenant, second } = await withSecond()
    const setDefault = (): Promise<string | undefined> =>
      asOwner(tenant, (t) => t.errorCode('select app_public.set_default_payment_method($1)', [second]))
    expect(await setDefault()).toBe('LB523')
    await run('billing__attach_payment_method', { tenantId: tenant.id, paymentMethodId: second })
    expect(await setDefault()).toBeUndefined()
  })

  it('are removed by their owner, and detached at the provider', async () => {
    const { tenant, second } = await withSecond()
    await run('billing__attach_payment_method', { tenantId: tenant.id, paymentMethodId: second })
    await asOwner(tenant, (t) => t.query('select app_public.set_default_payment_method($1)', [second]))
    await asOwner(tenant, (t) => t.query(removePaymentMethod, [second]))
    await run('billing__detach_payment_method', { tenantId: tenant.id, paymentMethodId: second })
    expect(stripe.calls.at(-1)?.path).toBe('/v1/payment_methods/pm_b/detach')
    expect(await asOwner(tenant, (t) => t.errorCode(removePaymentMethod, [second]))).toBe('LB307')
  })

  it('are forgotten when the provider detached them', async () => {
    const tenant = await newTenant('pm_c')
    expect((await send(`evt_detach_${tenant.id}`, 'payment_method.detached', { id: 'pm_c' })).body).toEqual({
      outcome: 'applied',
    })
    expect(
      await onPool.query('select distinct status from app_public.payment_methods where tenant_id = $1', [tenant.id]),
    ).toEqual([{ status: 'detached' }])
  })
})

describe('charging', () => {
  it('asks for the amount in the smallest unit under the payment’s id, and pays the invoice', async () => {
    const tenant = await newTenant('pm_card')
    await subscribe(tenant)
    await collect(tenant)
    expect(await state(tenant)).toMatchObject({
      invoice: 'paid',
      paid: '30.00',
      subscription: 'active',
      payments: ['succeeded'],
    })
    const charge = stripe.calls.find(({ path }) => path === '/v1/payment_intents')
    const paymentId = await onPool.value('select id from app_public.payments where tenant_id = $1', [tenant.id])
    expect(charge).toMatchObject({
      key: `payment-${paymentId}`,
      body: { amount: '3000', currency: 'usd', confirm: 'true', off_session: 'true', 'metadata[tenant_id]': tenant.id },
    })
    await collect(tenant)
    expect(stripe.calls.filter(({ path }) => path === '/v1/payment_intents')).toHaveLength(1)
    expect(await notDifferent(tenant)).toEqual([])
  })

  it('that breaks off is asked for again as the same charge, never as a second one', async () => {
    const tenant = await newTenant('pm_card')
    await subscribe(tenant)
    // the SDK tries three times; each does its work and loses the answer
    stripe.failures = 3
    await expect(collect(tenant)).rejects.toThrow('interrupted')
    expect(await state(tenant)).toMatchObject({ invoice: 'finalised', payments: ['pending'] })
    await onPool.query(`update app_public.invoices set next_attempt_at = now() where tenant_id = $1`, [tenant.id])
    await collect(tenant)
    expect(await state(tenant)).toMatchObject({ invoice: 'paid', payments: ['succeeded'] })
    const mine = [...stripe.intents.values()].filter(
      ({ metadata }) => (metadata as Record<string, string>).tenant_id === tenant.id,
    )
    expect(mine).toHaveLength(1)
  })

  /** A tenant whose first charge was declined; the next one is not. */
  async function declined(): Promise<Tenant> {
    const tenant = await newTenant('pm_card')
    await subscribe(tenant)
    stripe.declineWith = 'insufficient_funds'
    await collect(tenant)
    stripe.declineWith = undefined
    return tenant
  }

  it('that fails makes the subscription past due', async () => {
    const tenant = await declined()
    expect(await state(tenant)).toMatchObject({
      invoice: 'finalised',
      attempts: 1,
      subscription: 'past_due',
      payments: ['failed'],
    })
    expect(await asOwner(tenant, (t) => t.value('select failure_code from app_public.payments'))).toBe(
      'insufficient_funds',
    )
  })

  it('that succeeds after a failure makes the subscription active again', async () => {
    const tenant = await declined()
    const invoiceId = await onPool.value('select id from app_public.invoices where tenant_id = $1', [tenant.id])
    await asOwner(tenant, (t) => t.query('select app_public.pay_invoice($1)', [invoiceId]))
    await collect(tenant)
    expect(await state(tenant)).toMatchObject({
      invoice: 'paid',
      subscription: 'active',
      payments: ['failed', 'succeeded'],
    })
    expect(await asOwner(tenant, (t) => t.errorCode('select app_public.pay_invoice($1)', [invoiceId]))).toBe('LB521')
  })
})

describe('paying an invoice by card that is not charged by itself', () => {
  it('is asked for by its owner, and does not count as missed', async () => {
    const tenant = await newTenant('pm_card')
    await onPool.query(`update app_public.billing_profiles set collection_method = 'invoice' where tenant_id = $1`, [
      tenant.id,
    ])
    await subscribe(tenant)
    const invoiceId = await onPool.value('select id from app_public.invoices where tenant_id = $1', [tenant.id])
    await collect(tenant)
    expect(await state(tenant)).toMatchObject({ invoice: 'finalised', payments: null })
    await asOwner(tenant, (t) => t.query('select app_public.pay_invoice($1)', [invoiceId]))
    await collect(tenant)
    expect(await state(tenant)).toMatchObject({ invoice: 'paid', attempts: 0, payments: ['succeeded'] })
  })
})

describe('events', () => {
  const pending = async (): Promise<{ tenant: Tenant; intent: Record<string, unknown> }> => {
    const tenant = await newTenant('pm_card')
    await subscribe(tenant)
    const invoiceId = await onPool.value('select id from app_public.invoices where tenant_id = $1', [tenant.id])
    const payment = await committed(async (t) => {
      await t.becomeRole('rowhouse_worker')
      return (
        await t.query<{ payment_id: string }>('select * from billing.begin_payment($1, $2)', [tenant.id, invoiceId])
      )[0]
    })
    const metadata = { tenant_id: tenant.id, payment_id: payment?.payment_id }
    return { tenant, intent: { id: `pi_${tenant.id}`, amount: 3000, amount_received: 3000, currency: 'usd', metadata } }
  }

  it('with a bad signature, of another secret, too old or too large are refused', async () => {
    const { body, signature } = signed({ id: 'evt_1', type: 'x', object: {} })
    for (const given of [
      undefined,
      't=1,v1=abc',
      signature.replace(/t=\d+/, 't=1'),
      `${signature}0`.replace(/v1=./, 'v1=0'),
    ]) {
      const answer = await post(body, given)
      expect([given, answer.status, (answer.body.errors as { extensions: object }[])[0]?.extensions]).toMatchObject([
        given,
        400,
        { code: 'LB406' },
      ])
    }
    expect((await post(`${body} `, signature)).status).toBe(400)
    expect((await post('x'.repeat(1_000_001), signature)).status).toBe(413)
    const wrong = await fetch(`${server.url}/webhooks/stripe`)
    expect(wrong.status).toBe(405)
    expect(await onPool.value(`select count(*)::int from billing.payment_events where event_id = 'evt_1'`)).toBe(0)
  })

  it('are kept and applied once, however often they come', async () => {
    const { tenant, intent } = await pending()
    const outcomes: unknown[] = []
    for (let i = 0; i < 3; i += 1)
      outcomes.push((await send(`evt_${tenant.id}`, 'payment_intent.succeeded', intent)).body.outcome)
    expect(outcomes).toEqual(['applied', 'repeated', 'repeated'])
    expect(await state(tenant)).toMatchObject({ invoice: 'paid', paid: '30.00', payments: ['succeeded'] })
    expect(await notDifferent(tenant)).toEqual([])
  })

  it('in the wrong order end the same: a failure that comes after the success changes nothing', async () => {
    const { tenant, intent } = await pending()
    await send(`evt_b_${tenant.id}`, 'payment_intent.succeeded', intent)
    await send(`evt_a_${tenant.id}`, 'payment_intent.payment_failed', {
      ...intent,
      last_payment_error: { code: 'card_declined' },
    })
    await send(`evt_c_${tenant.id}`, 'payment_intent.processing', intent)
    expect(await state(tenant)).toMatchObject({
      invoice: 'paid',
      subscription: 'active',
      attempts: 0,
      payments: ['succeeded'],
    })
  })

  it('of a success after a failure pay the invoice', async () => {
    const { tenant, intent } = await pending()
    await send(`evt_a_${tenant.id}`, 'payment_intent.payment_failed', {
      ...intent,
      last_payment_error: { code: 'card_declined', message: 'No.' },
    })
    expect(await state(tenant)).toMatchObject({ invoice: 'finalised', subscription: 'past_due', payments: ['failed'] })
    await send(`evt_b_${tenant.id}`, 'payment_intent.succeeded', intent)
    expect(await state(tenant)).toMatchObject({ invoice: 'paid', subscription: 'active', payments: ['succeeded'] })
  })

  it('about another amount, currency, charge or tenant than ours are kept and change nothing', async () => {
    const { tenant, intent } = await pending()
    const metadata = intent.metadata as Record<string, string>
    for (const [i, other] of [
      { amount_received: 1 },
      { currency: 'eur' },
      { currency: undefined },
      { id: undefined },
      { metadata: {} },
      { metadata: { ...metadata, tenant_id: db.acme.id } },
      { metadata: { ...metadata, payment_id: 'x' } },
    ].entries()) {
      expect((await send(`evt_${tenant.id}_${i}`, 'payment_intent.succeeded', { ...intent, ...other })).body).toEqual({
        outcome: 'unknown',
      })
    }
    expect((await send(`evt_${tenant.id}_x`, 'customer.created', {})).body).toEqual({ outcome: 'ignored' })
    expect(await state(tenant)).toMatchObject({ invoice: 'finalised', payments: ['pending'] })
  })

  it('of a payment that arrived twice become credit', async () => {
    const { tenant, intent } = await pending()
    const invoiceId = await onPool.value('select id from app_public.invoices where tenant_id = $1', [tenant.id])
    await committed(async (t) => {
      await asStaff(t, db, tenant.id)
      await t.query('select app_public.record_payment($1, 30)', [invoiceId])
    })
    await send(`evt_${tenant.id}`, 'payment_intent.succeeded', intent)
    expect(await asOwner(tenant, (t) => t.query('select reason, amount::text from app_public.credit_entries'))).toEqual(
      [{ reason: 'overpayment', amount: '30.00' }],
    )
    expect(await notDifferent(tenant)).toEqual([])
  })
})

describe('refunds', () => {
  /** A tenant whose payment of 30 is to give 12 back; the refund's id. */
  async function refunding(): Promise<{ tenant: Tenant; refund: string }> {
    const tenant = await newTenant('pm_card')
    await subscribe(tenant)
    await collect(tenant)
    const refund = await committed(async (t) => {
      await asStaff(t, db, tenant.id)
      return t.value<string>('select id from app_public.refund_payment((select id from app_public.payments), 12)')
    })
    return { tenant, refund }
  }
  const creditNotes = (tenant: Tenant) =>
    onPool.query(`select total::text from app_public.invoices where tenant_id = $1 and series = 'credit_note'`, [
      tenant.id,
    ])

  it('of more than was paid, or of a fraction of a cent, are refused', async () => {
    const tenant = await newTenant('pm_card')
    await subscribe(tenant)
    await collect(tenant)
    await committed(async (t) => {
      await asStaff(t, db, tenant.id)
      const paymentId = await t.value('select id from app_public.payments')
      expect(await t.errorCode('select app_public.refund_payment($1, 31)', [paymentId])).toBe('LB601')
      expect(await t.errorCode('select app_public.refund_payment($1, 0.001)', [paymentId])).toBe('LB402')
    })
  })

  it('under way cannot be credited as well', async () => {
    const { tenant } = await refunding()
    await committed(async (t) => {
      await asStaff(t, db, tenant.id)
      const invoiceId = await t.value('select id from app_public.invoices')
      expect(await t.errorCode('select app_public.create_credit_note($1, 19)', [invoiceId])).toBe('LB601')
    })
  })

  it('go back through Stripe once, though the task runs twice', async () => {
    const { tenant, refund } = await refunding()
    await run('billing__refund_payment', { tenantId: tenant.id, refundId: refund })
    await run('billing__refund_payment', { tenantId: tenant.id, refundId: refund })
    const calls = stripe.calls.filter(({ path }) => path === '/v1/refunds')
    expect(calls).toHaveLength(1)
    expect(calls[0]).toMatchObject({ key: `refund-${refund}`, body: { amount: '1200' } })
    expect(await creditNotes(tenant)).toEqual([{ total: '-12.00' }])
  })

  it('that Stripe reports as well become one credit note', async () => {
    const { tenant, refund } = await refunding()
    await run('billing__refund_payment', { tenantId: tenant.id, refundId: refund })
    const id = await onPool.value('select provider_refund_id from app_public.refunds where id = $1', [refund])
    await send(`evt_re_${tenant.id}`, 'refund.updated', {
      id,
      amount: 1200,
      status: 'succeeded',
      metadata: { tenant_id: tenant.id, refund_id: refund },
    })
    expect(await creditNotes(tenant)).toEqual([{ total: '-12.00' }])
    expect(await notDifferent(tenant)).toEqual([])
  })

  it('made in Stripe’s own pages are found by their charge', async () => {
    const tenant = await newTenant('pm_card')
    await subscribe(tenant)
    await collect(tenant)
    const intentId = await onPool.value('select provider_payment_id from app_public.payments where tenant_id = $1', [
      tenant.id,
    ])
    const object = { id: `re_${tenant.id}`, payment_intent: intentId, amount: 500, status: 'succeeded', metadata: {} }
    expect((await send(`evt_1_${tenant.id}`, 'refund.created', object)).body).toEqual({ outcome: 'applied' })
    expect((await send(`evt_2_${tenant.id}`, 'refund.updated', object)).body).toEqual({ outcome: 'applied' })
    expect(
      (await send(`evt_3_${tenant.id}`, 'refund.created', { ...object, id: 're_more', amount: 2600 })).body,
    ).toEqual({ outcome: 'unknown' })
    expect(await onPool.value('select count(*)::int from app_public.refunds where tenant_id = $1', [tenant.id])).toBe(1)
    expect(await notDifferent(tenant)).toEqual([])
  })
})

describe('by hand', () => {
  it('staff record what arrived: in parts, once a reference, never more than is due', () =>
    db.inTransaction(async (t) => {
      await payByInvoice(t, db.acme.id)
      await t.become(db.acme.owner)
      await t.query(`select app_public.start_subscription('paid')`)
      const id = await t.value('select id from app_public.invoices')
      expect(await t.errorCode('select app_public.record_payment($1, 30)', [id])).toBe('TN205')
      await asStaff(t, db, db.acme.id)
      await t.query(`select app_public.record_payment($1, 10, 'A')`, [id])
      await t.query(`select app_public.record_payment($1, 10, 'A')`, [id])
      expect(await t.errorCode(`select app_public.record_payment($1, 11, 'A')`, [id])).toBe('LB520')
      expect(await t.errorCode(`select app_public.record_payment($1, 21)`, [id])).toBe('LB602')
      for (const amount of ['0', '-1', 'NaN', 'Infinity', '0.001', null])
        expect([amount, await t.errorCode(`select app_public.record_payment($1, $2)`, [id, amount])]).toEqual([
          amount,
          'LB402',
        ])
      await t.query(`select app_public.record_payment($1, 20)`, [id])
      expect(await t.value('select status::text from app_public.invoice($1)', [id])).toBe('paid')
      const paymentId = await t.value(`select id from app_public.payments where reference = 'A'`)
      await t.query('select app_public.refund_payment($1)', [paymentId])
      expect(await t.errorCode('select app_public.refund_payment($1)', [paymentId])).toBe('LB601')
      expect(await differences(t, db.acme.id)).toEqual([])
    }))

  /** Subscribes by invoice on the first of April and lets the tries pass; what was seen on each day. */
  async function overdue(t: Transaction): Promise<{ id: string; seen: unknown[] }> {
    await payByInvoice(t, db.acme.id)
    await setClock(t, '2025-04-01Z')
    await t.become(db.acme.owner)
    await t.query(`select app_public.start_subscription('paid')`)
    const id = await t.value<string>('select id from app_public.invoices')
    const seen: unknown[] = []
    // 14 days to pay, then 3, 5 and 7 days
    for (const day of ['04-14', '04-15', '04-18', '04-23', '04-30']) {
      await setClock(t, `2025-${day}Z`)
      await t.becomeRole('rowhouse_worker')
      await t.query('select billing.begin_payment($1, $2)', [db.acme.id, id])
      await t.become(db.acme.owner)
      seen.push(
        await t.value(
          `select i.status || ' ' || s.status from app_public.invoices i, app_public.subscriptions s where i.id = $1`,
          [id],
        ),
      )
    }
    return { id, seen }
  }

  it('an overdue invoice makes the subscription past due, and after the last try paused', () =>
    db.inTransaction(async (t) => {
      const { seen } = await overdue(t)
      expect(seen).toEqual([
        'finalised active',
        'finalised past_due',
        'finalised past_due',
        'finalised past_due',
        'uncollectible paused',
      ])
      expect(await t.value('select subscription_tier from app_public.tenants')).toBe('free')
      expect(await t.errorCode('select app_public.resume_subscription()')).toBe('LB513')
    }))

  it('an overdue invoice is told of at each try', () =>
    db.inTransaction(async (t) => {
      await overdue(t)
      expect(
        (
          await t.query<{ kind: string }>(
            `select kind from app_public.billing_notices where kind like 'invoice_%' order by occurred_at`,
          )
        ).map(({ kind }) => kind),
      ).toEqual(['invoice_finalised', 'invoice_overdue', 'invoice_overdue', 'invoice_overdue', 'invoice_uncollectible'])
    }))

  it('an uncollectible invoice that is paid lets the subscription be resumed', () =>
    db.inTransaction(async (t) => {
      const { id } = await overdue(t)
      await asStaff(t, db, db.acme.id)
      await t.query('select app_public.record_payment($1, 30)', [id])
      await t.become(db.acme.owner)
      await t.query('select app_public.resume_subscription()')
      expect(await t.value('select status::text from app_public.current_subscription()')).toBe('active')
      expect(await differences(t, db.acme.id)).toEqual([])
    }))
})
