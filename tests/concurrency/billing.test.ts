// Many clients at once: one invoice a period, numbers without gaps, one charge, no unit of use lost between a period's
// close and the events that arrive beside it.

import type pg from 'pg'
import { beforeAll, describe, expect, it } from 'vitest'
import { addPlan } from '../billing/helpers.ts'
import { needsServer, type Person, queries, transaction, useDatabase } from '../helpers/index.ts'
import { eventOf } from '../helpers/metering.ts'
import { codeOf, type Session, useSessions } from '../helpers/sessions.ts'

const db = useDatabase()
const { session, sessions, untilBlocked } = useSessions(db)

const at = (clock: string): Record<string, string> => ({ 'rowhouse.clock': clock })
const workers = (count: number, clock: string): Promise<Session[]> => sessions(count, 'rowhouse_worker', at(clock))
/** Platform staff at work in a tenant. */
const staff = (count: number, tenantId: string): Promise<Session[]> =>
  sessions(count, { ...db.platform.owner, tenantId }, { role: 'rowhouse_admin', ...at('2025-04-01Z') })

type Owner = Pick<Person, 'tenantId' | 'userId'>
const superuser = queries(() => db.pool)
let serial = 0

async function newTenant(): Promise<Owner> {
  serial += 1
  const slug = `billed-${serial}`
  const tenantId = await superuser.value<string>('select id from tenancy.provision_tenant($1, $1, $2)', [
    slug,
    `${slug}@x.test`,
  ])
  const userId = await superuser.value<string>('select user_id from app_public.user_tenants where tenant_id = $1', [
    tenantId,
  ])
  const client = await session(undefined, { 'rowhouse.tenant_id': tenantId })
  await client.query('select billing.lock_billing($1)', [tenantId])
  await client.query(`update app_public.billing_profiles set collection_method = 'invoice' where tenant_id = $1`, [
    tenantId,
  ])
  return { tenantId, userId }
}

async function subscribed(): Promise<Owner> {
  const owner = await newTenant()
  const client = await session(owner, at('2025-04-01 08:00Z'))
  await client.query(`select app_public.start_subscription('plan')`)
  return owner
}

/** Use of the end of April, in one event. */
const search = (client: Session, quantity: number): Promise<unknown> =>
  client.query(
    `select app_public.record_usage(${eventOf('$1::text', "'search'", String(quantity), "'2025-04-19 20:00Z'")})`,
    [crypto.randomUUID()],
  )

async function closeUsage(worker: Session, { tenantId }: Owner): Promise<string | undefined> {
  const { rows } = await worker.query<{ batch: string }>('select billing.close_due_usage($1) as batch', [tenantId])
  return rows[0]?.batch
}

/** What final invoices say about use, in the order in which they say it. */
const billedUse = ({ tenantId }: Owner): Promise<unknown[]> =>
  superuser.query(
    `select l.kind, (l.quantity - coalesce(l.quantity_before, 0))::int as quantity
       from app_public.invoice_lines l join app_public.invoices i on i.tenant_id = l.tenant_id and i.id = l.invoice_id
      where l.tenant_id = $1 and l.component_id is not null and i.status not in ('draft', 'void')
      order by i.sequence_number, l.service_start`,
    [tenantId],
  )

beforeAll(async () => {
  // a price in force gets its components in the transaction that adds it
  const client = await db.pool.connect()
  await client.query('begin')
  await addPlan(transaction(client), {
    slug: 'plan',
    amount: 30,
    components: [{ usageType: 'search', model: 'per_unit', unitAmount: 1 }],
  })
  await addPlan(transaction(client), { slug: 'seated', amount: 30, seatAmount: 30 })
  await addPlan(transaction(client), { slug: 'beside', amount: 15, isAddOn: true })
  await client.query('commit')
  client.release()
})

describe('a subscription', () => {
  it('is started once by 20 clients at once', async (context) => {
    needsServer(context)
    const owner = await newTenant()
    const clients = await sessions(20, owner, at('2025-04-01Z'))
    const outcomes = await Promise.allSettled(
      clients.map((c) => c.query(`select app_public.start_subscription('plan')`)),
    )
    const codes = outcomes.map((o) => (o.status === 'rejected' ? (o.reason as pg.DatabaseError).code : 'started'))
    expect(codes.filter((code) => code === 'started')).toHaveLength(1)
    expect(codes.filter((code) => code === 'LB507')).toHaveLength(19)
    expect(
      await superuser.value('select count(*)::int from app_public.invoices where tenant_id = $1', [owner.tenantId]),
    ).toBe(1)
  })
})

it('ten changes of the seats at once charge the largest number once', async (context) => {
  needsServer(context)
  const owner = await newTenant()
  const [first, ...clients] = (await sessions(11, owner, at('2025-04-01Z'))) as [Session, ...Session[]]
  await first.query(`select app_public.start_subscription('seated')`)
  await Promise.all(clients.map((c, n) => c.query('select app_public.set_seats($1)', [n + 3])))
  expect(
    await superuser.query(
      `select s.seats, (select sum(i.total)::int from app_public.invoices i where i.tenant_id = s.tenant_id) as billed
         from app_public.subscriptions s where s.tenant_id = $1`,
      [owner.tenantId],
    ),
  ).toEqual([{ seats: 12, billed: 12 * 30 }])
})

describe('an add-on', () => {
  it('is started once by ten clients at once, and not while its base ends beside it', async (context) => {
    needsServer(context)
    const owner = await subscribed()
    const clients = await sessions(10, owner, at('2025-04-02Z'))
    const outcomes = await Promise.allSettled(
      clients.map((c) => c.query(`select app_public.start_subscription('beside')`)),
    )
    const codes = outcomes.map((o) => (o.status === 'rejected' ? (o.reason as pg.DatabaseError).code : 'started'))
    expect(codes.sort()).toEqual([...Array<string>(9).fill('LB550'), 'started'])
    await clients[0]?.query(`select app_public.cancel_subscription(false, 'beside')`)

    const [ending, starting] = (await sessions(2, owner, at('2025-04-03Z'))) as [Session, Session]
    await ending.query('begin')
    await ending.query('select app_public.cancel_subscription(false)')
    const refused = expect(starting.query(`select app_public.start_subscription('beside')`)).rejects.toMatchObject({
      code: 'LB303',
    })
    await untilBlocked(starting)
    await ending.query('commit')
    await refused
  })
})

it('ten staff change what a plan and its add-on give at once, and none waits for another in a circle', async (context) => {
  needsServer(context)
  const owner = await subscribed()
  const [client] = await sessions(1, owner, at('2025-04-02Z'))
  await client?.query(`select app_public.start_subscription('beside')`)
  const clients = await staff(10, owner.tenantId)
  await Promise.all(
    clients.map((c, i) =>
      c.query(`select app_public.set_plan_entitlement($1, 'quota', 'agents', quota_limit => 5)`, [
        i % 2 ? 'plan' : 'beside',
      ]),
    ),
  )
  expect(
    await superuser.value(
      `select quota_limit::int from app_public.usage_quotas where tenant_id = $1 and quota_type = 'agents' and source = 'plan'`,
      [owner.tenantId],
    ),
  ).toBe(10)
})

it('a prefix of numbers goes to one of ten issuers that want it at once', async (context) => {
  needsServer(context)
  const clients = await staff(10, db.platform.owner.tenantId)
  const outcomes = await Promise.allSettled(
    clients.map((c, n) =>
      c.query(`select app_public.save_invoice_issuer('issuer-${n}', 'Company', number_prefix => 'WANTED-')`),
    ),
  )
  const codes = outcomes.map((o) => (o.status === 'rejected' ? (o.reason as pg.DatabaseError).code : 'saved'))
  expect(codes.sort()).toEqual([...Array(9).fill('LB528'), 'saved'])
})

describe('the invoices of a period', () => {
  it('are made and finalised exactly once by 10 workers at once, over three months', async (context) => {
    needsServer(context)
    const owner = await subscribed()
    const runners = await workers(10, '2025-07-15Z')
    await Promise.all(runners.map((w) => w.query('select billing.run_billing($1)', [owner.tenantId])))
    expect(
      await superuser.query(
        `select period_number as period, count(*)::int as invoices, count(number)::int as numbers from app_public.invoices where tenant_id = $1 group by 1 order by 1`,
        [owner.tenantId],
      ),
    ).toEqual([1, 2, 3, 4].map((period) => ({ period, invoices: 1, numbers: 1 })))
  })

  it('a second worker waits for the first, and does what is left when that one fails', async (context) => {
    needsServer(context)
    const owner = await subscribed()
    const [a, b] = (await workers(2, '2025-05-15Z')) as [Session, Session]
    await a.query('begin')
    await a.query('select billing.run_billing($1)', [owner.tenantId])
    const second = b.query('select billing.run_billing($1)', [owner.tenantId])
    await untilBlocked(b)
    await a.query('rollback')
    await second
    expect(
      await superuser.value('select count(*)::int from app_public.invoices where tenant_id = $1', [owner.tenantId]),
    ).toBe(2)
  })
})

describe('numbers', () => {
  const draft = async (): Promise<{ tenantId: string; id: string }> => {
    const { tenantId } = await newTenant()
    const [client] = (await staff(1, tenantId)) as [Session]
    const { rows } = await client.query<{ id: string }>('select id from app_public.create_invoice()')
    const id = rows[0]?.id as string
    await client.query(`select app_public.add_invoice_line($1, 'x', 10)`, [id])
    return { tenantId, id }
  }

  it('of 20 invoices of 20 tenants, finalised at once, are consecutive', async (context) => {
    needsServer(context)
    const before = Number(
      await superuser.value(
        `select coalesce(max(sequence_number), 0) from billing.invoice_numbers where series = 'invoice'`,
      ),
    )
    const drafts = await Promise.all(Array.from({ length: 20 }, draft))
    const clients = (await Promise.all(drafts.map(({ tenantId }) => staff(1, tenantId)))).flat()
    await Promise.all(clients.map((c, i) => c.query('select app_public.finalise_invoice($1)', [drafts[i]?.id])))
    const numbers = await superuser.query<{ n: string }>(
      `select sequence_number as n from app_public.invoices where id = any ($1) order by 1`,
      [drafts.map(({ id }) => id)],
    )
    expect(numbers.map(({ n }) => Number(n))).toEqual(Array.from({ length: 20 }, (_, i) => before + 1 + i))
    expect(await superuser.query('select * from billing.invoice_number_gaps()')).toEqual([])
  })

  it('of a finalisation that is rolled back go to the next one', async (context) => {
    needsServer(context)
    const [first, second] = [await draft(), await draft()]
    const [a] = (await staff(1, first.tenantId)) as [Session]
    const [b] = (await staff(1, second.tenantId)) as [Session]
    await a.query('begin')
    const given = (
      await a.query<{ n: string }>('select sequence_number as n from app_public.finalise_invoice($1)', [first.id])
    ).rows[0]?.n
    const waiting = b.query<{ n: string }>('select sequence_number as n from app_public.finalise_invoice($1)', [
      second.id,
    ])
    await untilBlocked(b)
    await a.query('rollback')
    expect((await waiting).rows[0]?.n).toBe(given)
    expect(await superuser.query('select * from billing.invoice_number_gaps()')).toEqual([])
  })

  it('one draft finalised by 10 clients at once has one number', async (context) => {
    needsServer(context)
    const { tenantId, id } = await draft()
    const clients = await staff(10, tenantId)
    const outcomes = await Promise.allSettled(
      clients.map((c) => c.query('select app_public.finalise_invoice($1)', [id])),
    )
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(
      await superuser.value('select count(*)::int from billing.invoice_numbers where document_id = $1', [id]),
    ).toBe(1)
  })
})

describe('use that is recorded while its period is closed', () => {
  it('does not wait for the invoice of another tenant', async (context) => {
    needsServer(context)
    const [billed, other] = [await subscribed(), await subscribed()]
    const [worker] = (await workers(1, '2025-05-15Z')) as [Session]
    await worker.query('begin')
    await worker.query('select billing.run_billing($1)', [billed.tenantId])
    const recorder = await session(other, { ...at('2025-05-15Z'), lock_timeout: '1s' })
    await recorder.query(`select app_public.record_usage(${eventOf('$1::text', "'search'", '1', "'2025-05-15Z'")})`, [
      crypto.randomUUID(),
    ])
    await worker.query('rollback')
  })

  it('is on the invoice or an adjustment on the next: each unit once', async (context) => {
    needsServer(context)
    const owner = await subscribed()
    // 12 clients record April's use while the worker makes the invoice of April final
    const clients = await sessions(12, owner, at('2025-05-01 00:59Z'))
    const makers = await workers(2, '2025-05-01 02:00Z')
    let stored = 0
    const recording = clients.map(async (client) => {
      for (let i = 0; i < 15; i += 1) {
        await client.query(
          `select app_public.record_usage(${eventOf('$1::text', "'search'", '1', "'2025-04-30 20:00Z'")})`,
          [crypto.randomUUID()],
        )
        stored += 1
      }
    })
    while (stored < 40) await new Promise((resolve) => setImmediate(resolve))
    await Promise.all([...recording, ...makers.map((m) => m.query('select billing.run_billing($1)', [owner.tenantId]))])
    const [later] = await workers(1, '2025-06-01 02:00Z')
    await later?.query('select billing.run_billing($1)', [owner.tenantId])
    expect(
      await superuser.value(
        `select sum(l.amount)::int from app_public.invoice_lines l where l.tenant_id = $1 and l.kind in ('usage', 'adjustment')`,
        [owner.tenantId],
      ),
    ).toBe(12 * 15)
    expect(await superuser.query('select * from billing.verify_billing($1)', [owner.tenantId])).toEqual([])
  })

  it('does not wait while its invoice is added up, and then is late', async (context) => {
    needsServer(context)
    const owner = await subscribed()
    const early = await session(owner, at('2025-04-20Z'))
    await search(early, 5)
    const [maker] = (await workers(1, '2025-05-01 02:00Z')) as [Session]
    await maker.query('select billing.draft_due_invoices($1)', [owner.tenantId])
    const batch = await closeUsage(maker, owner)
    await maker.query('begin')
    await maker.query('select billing.finalise_due_invoices($1, $2)', [owner.tenantId, batch])
    await search(await session(owner, { ...at('2025-05-01 00:30Z'), lock_timeout: '1s' }), 2)
    await maker.query('commit')
    expect(await billedUse(owner)).toEqual([{ kind: 'usage', quantity: 5 }])
    const [later] = await workers(1, '2025-06-01 02:00Z')
    await later?.query('select billing.run_billing($1)', [owner.tenantId])
    expect(await billedUse(owner)).toEqual([
      { kind: 'usage', quantity: 5 },
      { kind: 'adjustment', quantity: 2 },
      { kind: 'usage', quantity: 0 },
    ])
    expect(await superuser.query('select * from billing.verify_billing($1)', [owner.tenantId])).toEqual([])
  })

  it('is counted once when the run breaks off after closing and another takes it up', async (context) => {
    needsServer(context)
    const owner = await subscribed()
    const client = await session(owner, at('2025-04-20Z'))
    await search(client, 5)
    const [broken, next, later] = [
      ...(await workers(2, '2025-05-01 02:00Z')),
      ...(await workers(1, '2025-06-01 02:00Z')),
    ] as [Session, Session, Session]
    await broken.query('select billing.draft_due_invoices($1)', [owner.tenantId])
    await closeUsage(broken, owner)
    await broken.end()
    await search(client, 2)
    const batch = await closeUsage(next, owner)
    await next.query('select billing.finalise_due_invoices($1, $2)', [owner.tenantId, batch])
    expect(await billedUse(owner)).toEqual([{ kind: 'usage', quantity: 5 }])
    await later.query('select billing.run_billing($1)', [owner.tenantId])
    expect(await billedUse(owner)).toContainEqual({ kind: 'adjustment', quantity: 2 })
    expect(await superuser.query('select * from billing.verify_billing($1)', [owner.tenantId])).toEqual([])
  })

  it('is not held up for long by a closing that waits for a recorder whose transaction stays open', async (context) => {
    needsServer(context)
    const owner = await subscribed()
    const open = await session(owner, at('2025-05-01 00:30Z'))
    await open.query('begin')
    await search(open, 1)
    const [maker] = (await workers(1, '2025-05-01 02:00Z')) as [Session]
    await maker.query('select billing.draft_due_invoices($1)', [owner.tenantId])
    expect(await codeOf(closeUsage(maker, owner))).toBe('55P03')
    await open.query('commit')
    await closeUsage(maker, owner)
  })

  it('waits for the one who closes it, and then is late', async (context) => {
    needsServer(context)
    const owner = await subscribed()
    const [maker] = (await workers(1, '2025-05-01 02:00Z')) as [Session]
    const client = await session(owner, at('2025-05-01 00:30Z'))
    await maker.query('begin')
    await maker.query('select billing.run_billing($1)', [owner.tenantId])
    const recording = client.query(
      `select app_public.record_usage(${eventOf("'late'", "'search'", '1', "'2025-04-30 20:00Z'")})`,
    )
    await untilBlocked(client)
    await maker.query('commit')
    await recording
    expect(
      await superuser.value('select adjusts_period is not null from app_public.usage_events where tenant_id = $1', [
        owner.tenantId,
      ]),
    ).toBe(true)
  })
})

describe('a payment', () => {
  it('is begun once by 10 workers, and its success counts once in 10 reports', async (context) => {
    needsServer(context)
    const owner = await subscribed()
    const id = await superuser.value('select id from app_public.invoices where tenant_id = $1', [owner.tenantId])
    const admin = await session(undefined, { 'rowhouse.tenant_id': owner.tenantId })
    await admin.query(
      `insert into app_public.payment_methods (tenant_id, provider, provider_method_id, status, is_default) values ($1, 'stripe', 'pm_x', 'attached', true)`,
      [owner.tenantId],
    )
    // charged from now on, and due
    const second = await newTenant()
    expect(second.tenantId).not.toBe(owner.tenantId)
    await admin.query(`update app_public.billing_profiles set collection_method = 'automatic' where tenant_id = $1`, [
      owner.tenantId,
    ])
    const runners = await workers(10, '2025-05-02Z')
    await runners[0]?.query('select billing.run_billing($1)', [owner.tenantId])
    const invoiceId = await superuser.value(`select id from app_public.invoices where tenant_id = $1 and id <> $2`, [
      owner.tenantId,
      id,
    ])
    const begun = await Promise.all(
      runners.map((w) => w.query('select * from billing.begin_payment($1, $2)', [owner.tenantId, invoiceId])),
    )
    expect(begun.filter(({ rows }) => rows.length > 0)).toHaveLength(1)
    const paymentId = await superuser.value('select id from app_public.payments where tenant_id = $1', [owner.tenantId])
    await Promise.all(
      runners.map((w) =>
        w.query(`select billing.finish_payment($1, $2, 'succeeded', 'pi_1')`, [owner.tenantId, paymentId]),
      ),
    )
    expect(
      await superuser.query('select amount_paid::text, status::text from app_public.invoices where id = $1', [
        invoiceId,
      ]),
    ).toEqual([{ amount_paid: '30.00', status: 'paid' }])
    expect(await superuser.query('select * from billing.verify_billing($1)', [owner.tenantId])).toEqual([])
  })

  it('event that arrives 10 times at once is applied once', async (context) => {
    needsServer(context)
    const servers = await sessions(10, 'rowhouse_authenticator')
    const outcomes = await Promise.all(
      servers.map((s) =>
        s.query<{ outcome: string }>(
          `select billing.receive_payment_event('stripe', 'evt_x', 'customer.created', now(), '{}') as outcome`,
        ),
      ),
    )
    expect(outcomes.map(({ rows }) => rows[0]?.outcome).sort()).toEqual(['ignored', ...Array(9).fill('repeated')])
  })
})

describe('money that moves twice at once', () => {
  const invoiceOf = async (owner: Owner): Promise<string> =>
    superuser.value('select id from app_public.invoices where tenant_id = $1', [owner.tenantId])
  const codes = (outcomes: PromiseSettledResult<unknown>[]): string[] =>
    outcomes.map((o) => (o.status === 'rejected' ? ((o.reason as pg.DatabaseError).code ?? '') : 'done')).sort()
  const agree = async ({ tenantId }: Owner): Promise<void> =>
    expect(await superuser.query('select * from billing.verify_billing($1)', [tenantId])).toEqual([])
  const balance = (owner: Owner, account: string): Promise<number> =>
    superuser.value(
      'select coalesce(sum(amount), 0)::float8 from billing.ledger_entries where tenant_id = $1 and account = $2',
      [owner.tenantId, account],
    )
  /** An order of prepaid money that is paid. */
  const toppedUp = async (owner: Owner, amount: number): Promise<string> => {
    const client = await session(owner, at('2025-04-01 08:00Z'))
    const { rows } = await client.query<{ id: string }>('select id from app_public.top_up_wallet($1)', [amount])
    const [admin] = (await staff(1, owner.tenantId)) as [Session]
    const paid = await admin.query<{ id: string }>('select id from app_public.record_payment($1, $2)', [
      rows[0]?.id,
      amount,
    ])
    return paid.rows[0]?.id as string
  }

  it('a payment that waits for a void pays nothing, and a void that waits for a payment is refused', async (context) => {
    needsServer(context)
    for (const [first, second, code] of [
      [`void_invoice($1, 'Wrong')`, 'record_payment($1, 30)', 'LB602'],
      ['record_payment($1, 30)', `void_invoice($1, 'Wrong')`, 'LB518'],
    ] as const) {
      const owner = await subscribed()
      const id = await invoiceOf(owner)
      const [a, b] = (await staff(2, owner.tenantId)) as [Session, Session]
      await a.query('begin')
      await a.query(`select app_public.${first}`, [id])
      const waiting = Promise.allSettled([b.query(`select app_public.${second}`, [id])])
      await untilBlocked(b)
      await a.query('commit')
      expect(codes(await waiting)).toEqual([code])
      await agree(owner)
    }
  })

  it('a payment is refunded once by ten of staff', async (context) => {
    needsServer(context)
    const owner = await subscribed()
    const clients = await staff(10, owner.tenantId)
    const paid = await clients[0]?.query<{ id: string }>('select id from app_public.record_payment($1, 30)', [
      await invoiceOf(owner),
    ])
    const outcomes = await Promise.allSettled(
      clients.map((c) => c.query('select app_public.refund_payment($1, 30)', [paid?.rows[0]?.id])),
    )
    expect(codes(outcomes)).toEqual([...Array(9).fill('LB601'), 'done'])
    expect(await balance(owner, 'cash')).toBe(0)
    await agree(owner)
  })

  it('in parts by ten of staff is paid back as far as was paid, and no further', async (context) => {
    needsServer(context)
    const owner = await subscribed()
    const clients = await staff(10, owner.tenantId)
    const paid = await clients[0]?.query<{ id: string }>('select id from app_public.record_payment($1, 30)', [
      await invoiceOf(owner),
    ])
    const outcomes = await Promise.allSettled(
      clients.map((c) => c.query('select app_public.refund_payment($1, 7)', [paid?.rows[0]?.id])),
    )
    expect(codes(outcomes).filter((code) => code === 'done')).toHaveLength(4)
    expect(await balance(owner, 'cash')).toBe(2)
    await agree(owner)
  })

  it('a transfer that ten of staff record under its reference counts once', async (context) => {
    needsServer(context)
    const owner = await subscribed()
    const id = await invoiceOf(owner)
    const clients = await staff(10, owner.tenantId)
    const outcomes = await Promise.allSettled(
      clients.map((c) => c.query(`select app_public.record_payment($1, 10, 'transfer')`, [id])),
    )
    expect(codes(outcomes)).toEqual(Array(10).fill('done'))
    expect(await balance(owner, 'cash')).toBe(10)
    await agree(owner)
  })

  it('a dispute and a refund at once never take the money twice', async (context) => {
    needsServer(context)
    const owner = await subscribed()
    const [a, b] = (await staff(2, owner.tenantId)) as [Session, Session]
    const paid = await a.query<{ id: string }>('select id from app_public.record_payment($1, 30)', [
      await invoiceOf(owner),
    ])
    const outcomes = await Promise.allSettled([
      a.query('select app_public.refund_payment($1)', [paid.rows[0]?.id]),
      b.query(`select app_public.reverse_payment($1, 'bounced')`, [paid.rows[0]?.id]),
    ])
    expect(codes(outcomes)).toEqual(['LB522', 'done'])
    expect(await balance(owner, 'cash')).toBe(0)
    await agree(owner)
  })

  it('one order of prepaid money is made by ten clients', async (context) => {
    needsServer(context)
    const owner = await newTenant()
    const clients = await sessions(10, owner, at('2025-04-01Z'))
    const outcomes = await Promise.allSettled(clients.map((c) => c.query('select app_public.top_up_wallet(5)')))
    expect(codes(outcomes)).toEqual([...Array(9).fill('LB560'), 'done'])
  })

  it('a wallet that is topped up, spent, given to and refunded by ten at once is never overdrawn', async (context) => {
    needsServer(context)
    const owner = await newTenant()
    const payment = await toppedUp(owner, 100)
    const clients = await staff(10, owner.tenantId)
    const drafts = await Promise.all(
      clients.slice(0, 6).map(async (c) => {
        const { rows } = await c.query<{ id: string }>('select id from app_public.create_invoice()')
        await c.query(`select app_public.add_invoice_line($1, 'Work', 30)`, [rows[0]?.id])
        return rows[0]?.id
      }),
    )
    const outcomes = await Promise.allSettled([
      ...drafts.map((id, i) => clients[i]?.query('select app_public.finalise_invoice($1)', [id])),
      ...clients.slice(6, 8).map((c) => c.query('select app_public.refund_payment($1, 60)', [payment])),
      ...clients.slice(8).map((c) => c.query(`select app_public.give_wallet_money(10, 'Sorry')`)),
    ])
    expect(codes(outcomes).filter((code) => code !== 'done' && code !== 'LB601')).toEqual([])
    await agree(owner)
    const [cash, due, wallet] = await Promise.all(['cash', 'receivable', 'wallet'].map((a) => balance(owner, a)))
    // six invoices of 30: what is not due was paid by what stayed of 100, and by two gifts of 10
    expect(180 - (due as number) - (wallet as number)).toBe((cash as number) + 20)
  })
})
