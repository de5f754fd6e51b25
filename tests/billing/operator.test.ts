// What the operator of the platform does every day: the offer, issuers, taxes, meters, and the books of all tenants.

import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { addPlan, asStaff, invoicesOf, payByInvoice, runBilling, use } from './helpers.ts'

const db = useDatabase()
const onPlatform = (t: Transaction): Promise<void> => asStaff(t, db, db.platform.owner.tenantId)

async function subscribe(
  t: Transaction,
  tenant: typeof db.acme,
  plan: string,
  at = '2025-04-01 09:00Z',
): Promise<void> {
  await payByInvoice(t, tenant.id)
  await setClock(t, at)
  await t.become(tenant.owner)
  await t.query('select app_public.start_subscription($1)', [plan])
}

describe('who may', () => {
  it('every function of the operator is for platform staff only', () =>
    db.inTransaction(async (t) => {
      await t.becomeSuperuser()
      await addPlan(t, { slug: 'plan', amount: 10 })
      for (const person of [db.acme.owner, db.platform.owner]) {
        await t.become(person)
        for (const call of [
          `save_plan('plan', name => 'Mine')`,
          `add_plan_price('plan', 'USD', 0)`,
          `remove_plan_price(gen_random_uuid())`,
          `set_plan_entitlement('plan', 'quota', 'users', quota_limit => 1000000)`,
          `remove_plan_entitlement('plan', 'quota', 'users')`,
          `preview_plan_edit('plan')`,
          `save_invoice_issuer('mine', 'Mine')`,
          `set_tax_rate('DE', 0)`,
          `save_usage_type('mine', 'Mine', 'piece')`,
          'invoices_of_all_tenants()',
          `export_ledger('2020-01-01Z', '2030-01-01Z')`,
        ])
          expect([call, await t.errorCode(`select * from app_public.${call}`)]).toEqual([call, 'TN205'])
      }
    }))

  it('tax rates are shown to staff only', () =>
    db.inTransaction(async (t) => {
      await onPlatform(t)
      await t.query(`select app_public.set_tax_rate('DE', 0.19)`)
      expect(await t.value('select count(*)::int from app_public.tax_rates')).toBe(1)
      await t.become(db.acme.owner)
      expect(await t.value('select count(*)::int from app_public.tax_rates')).toBe(0)
    }))
})

describe('a plan', () => {
  it('is added with a price, prices for usage and entitlements, and a tenant lives on it', () =>
    db.inTransaction(async (t) => {
      await setClock(t, '2025-03-01Z')
      await onPlatform(t)
      await t.query(`select app_public.save_usage_type('page', 'Pages read', 'page')`)
      await t.query(`select app_public.save_plan('reader', 'Reader', tier => 'standard')`)
      await t.query(
        `select app_public.add_plan_price('reader', 'USD', 10, components =>
           array[('page', 'per_unit', 0.5, null, null, 3)::app_public.new_price_component])`,
      )
      await t.query(`select app_public.set_plan_entitlement('reader', 'quota', 'users', quota_limit => 7)`)
      await subscribe(t, db.acme, 'reader')
      expect(await t.value(`select quota_limit::int from app_public.entitlements() where key = 'users'`)).toBe(7)
      await setClock(t, '2025-04-20Z')
      await use(t, db.acme.member, 'page', 5, '2025-04-15Z')
      await runBilling(t, db.acme.id, '2025-05-01 01:00Z')
      expect((await invoicesOf(t, db.acme.id)).at(-1)?.lines.map((line) => Number(line.amount))).toEqual([10, 1])
    }))

  it('keeps what is left out, and needs a name and a tier when it is new', () =>
    db.inTransaction(async (t) => {
      await onPlatform(t)
      expect(await t.errorCode(`select app_public.save_plan('new')`)).toBe('23502')
      await t.query(`select app_public.save_plan('new', 'New', 'Words', 'enterprise', 9)`)
      await t.query(`select app_public.save_plan('new', is_public => false)`)
      expect(
        await t.query(`select name, description, tier, trial_days, is_public from app_public.plans where slug = 'new'`),
      ).toEqual([{ name: 'New', description: 'Words', tier: 'enterprise', trial_days: 9, is_public: false }])
    }))

  it('that is retired is chosen by nobody, not even by staff, and goes on for those who have it', () =>
    db.inTransaction(async (t) => {
      await t.becomeSuperuser()
      await addPlan(t, { slug: 'old', amount: 10 })
      await addPlan(t, { slug: 'old', amount: 100, cycle: 'annual' })
      await subscribe(t, db.acme, 'old')
      await onPlatform(t)
      await t.query(`select app_public.save_plan('old', is_retired => true)`)

      await payByInvoice(t, db.globex.id)
      await t.become(db.globex.owner)
      expect(await t.value(`select count(*)::int from app_public.plans where slug = 'old'`)).toBe(0)
      expect(await t.errorCode(`select app_public.start_subscription('old')`)).toBe('LB301')
      await asStaff(t, db, db.globex.id)
      expect(await t.errorCode(`select app_public.start_subscription('old')`)).toBe('LB301')

      await t.become(db.acme.owner)
      expect(await t.errorCode(`select app_public.change_plan('old', 'annual')`)).toBeUndefined()
      expect(await t.errorCode(`select app_public.change_plan('old', 'monthly')`)).toBeUndefined()
      await runBilling(t, db.acme.id, '2025-05-01 01:00Z')
      expect(await invoicesOf(t, db.acme.id)).toHaveLength(2)
      await onPlatform(t)
      await t.query(`select app_public.save_plan('old', is_retired => false)`)
      await t.become(db.globex.owner)
      expect(await t.errorCode(`select app_public.start_subscription('old')`)).toBeUndefined()
    }))

  it('gives what its entitlements say at once, and no longer what was removed', () =>
    db.inTransaction(async (t) => {
      await t.becomeSuperuser()
      await addPlan(t, { slug: 'plan', amount: 10 })
      await subscribe(t, db.acme, 'plan')
      const users = async (): Promise<number | undefined> => {
        await t.become(db.acme.owner)
        return t.value(`select quota_limit::int from app_public.entitlements() where key = 'users'`)
      }
      for (const limit of [7, 9]) {
        await onPlatform(t)
        await t.query(`select app_public.set_plan_entitlement('plan', 'quota', 'users', quota_limit => $1)`, [limit])
        expect(await users()).toBe(limit)
      }
      await onPlatform(t)
      await t.query(`select app_public.remove_plan_entitlement('plan', 'quota', 'users')`)
      expect(await t.errorCode(`select app_public.remove_plan_entitlement('plan', 'quota', 'users')`)).toBe('LB308')
      expect(await users()).toBeUndefined()
    }))
})

describe('a version of a price', () => {
  const component = (type: string): string =>
    `array[('${type}', 'per_unit', 1, null, null, 0)::app_public.new_price_component]`

  it('is added or it is not: a wrong component leaves no price behind', () =>
    db.inTransaction(async (t) => {
      await onPlatform(t)
      await t.query(`select app_public.save_plan('plan', 'Plan', tier => 'standard')`)
      const add = (components: string) =>
        t.errorCode(`select app_public.add_plan_price('plan', 'USD', 10, components => ${components})`)
      expect(await add(component('nothing'))).toBe('23503')
      expect(await add(`${component('search')} || ${component('search')}`)).toBe('23505')
      expect(await add(`array[null::app_public.new_price_component]`)).toBe('23502')
      expect(await t.errorCode(`select app_public.add_plan_price('plan', 'USD', 'NaN')`)).toBe('23514')
      expect(await t.errorCode(`select app_public.add_plan_price('plan', 'XXX', 1)`)).toBe('23514')
      expect(await t.errorCode(`select app_public.add_plan_price('nothing', 'USD', 1)`)).toBe('LB301')
      expect(await t.value('select count(*)::int from app_public.plan_prices')).toBe(0)
    }))

  it('is removed until it is in force, and its components never change after that', () =>
    db.inTransaction(async (t) => {
      await setClock(t, '2025-03-01Z')
      await onPlatform(t)
      await t.query(`select app_public.save_plan('plan', 'Plan', tier => 'standard')`)
      const id = await t.value(
        `select (app_public.add_plan_price('plan', 'USD', 10, '2025-04-01Z', components => ${component('search')})).id`,
      )
      // as if another transaction had added it
      await t.becomeSuperuser()
      await t.query(`update app_public.plan_prices set created_at = now() - interval '1 day' where id = $1`, [id])
      await setClock(t, '2025-04-01Z')
      const codeOf = (text: string) => t.errorCode(text, [id])
      expect(await codeOf('update app_public.plan_price_components set unit_amount = 2 where price_id = $1')).toBe(
        'LB502',
      )
      expect(await codeOf('delete from app_public.plan_price_components where price_id = $1')).toBe('LB502')
      expect(
        await codeOf(
          `insert into app_public.plan_price_components (price_id, usage_type, model, unit_amount) values ($1, 'tool_call', 'per_unit', 1)`,
        ),
      ).toBe('LB502')
      await onPlatform(t)
      expect(await codeOf('select app_public.remove_plan_price($1)')).toBe('LB501')
      await setClock(t, '2025-03-31Z')
      expect(await codeOf('select app_public.remove_plan_price($1)')).toBeUndefined()
      expect(await codeOf('select app_public.remove_plan_price($1)')).toBe('LB302')
    }))

  it('says beforehand whom it touches, from when and by how much, and it comes true', () =>
    db.inTransaction(async (t) => {
      await t.becomeSuperuser()
      await addPlan(t, { slug: 'plan', amount: 10 })
      await subscribe(t, db.acme, 'plan', '2025-04-01 09:00Z')
      await subscribe(t, db.globex, 'plan', '2025-04-20 09:00Z')
      await onPlatform(t)
      const preview = await t.query(
        `select tenant_slug, affected_from::text, amount_before::int, amount_after::int
           from app_public.preview_plan_edit('plan', 'USD', 'monthly', 12, '2025-05-10Z')`,
      )
      expect(preview).toEqual([
        { tenant_slug: 'acme', affected_from: '2025-06-01 00:00:00+00', amount_before: 10, amount_after: 12 },
        { tenant_slug: 'globex', affected_from: '2025-05-20 00:00:00+00', amount_before: 10, amount_after: 12 },
      ])
      expect(await t.query(`select from app_public.preview_plan_edit('plan', 'EUR')`)).toEqual([])

      await t.query(`select app_public.add_plan_price('plan', 'USD', 12, '2025-05-10Z')`)
      for (const tenant of [db.acme, db.globex]) {
        await runBilling(t, tenant.id, '2025-06-25Z')
        await t.becomeSuperuser()
        expect(
          await t.value(
            `select min(l.service_start)::text from app_public.invoice_lines l where l.tenant_id = $1 and l.amount = 12`,
            [tenant.id],
          ),
        ).toBe(tenant === db.acme ? '2025-06-01 00:00:00+00' : '2025-05-20 00:00:00+00')
      }
    }))

  it('that another planned one follows before the next period changes nothing, and those who leave are left out', () =>
    db.inTransaction(async (t) => {
      await t.becomeSuperuser()
      await addPlan(t, { slug: 'plan', amount: 10 })
      await subscribe(t, db.acme, 'plan')
      await onPlatform(t)
      await t.query(`select app_public.add_plan_price('plan', 'USD', 15, '2025-04-20Z')`)
      const preview = () =>
        t.query(
          `select amount_before::int, amount_after::int from app_public.preview_plan_edit('plan', 'USD', 'monthly', 12, '2025-04-10Z')`,
        )
      expect(await preview()).toEqual([{ amount_before: 15, amount_after: 15 }])
      await t.become(db.acme.owner)
      await t.query('select app_public.cancel_subscription()')
      await onPlatform(t)
      expect(await preview()).toEqual([])
    }))
})

describe('an issuer', () => {
  const save = (t: Transaction, slug: string, invoices: string | null, notes: string | null) =>
    t.errorCode(`select app_public.save_invoice_issuer($1, 'Company', number_prefix => $2, credit_note_prefix => $3)`, [
      slug,
      invoices,
      notes,
    ])

  it('never gets a prefix that another issuer or the other series has or had', () =>
    db.inTransaction(async (t) => {
      await onPlatform(t)
      expect(await save(t, 'one', null, null)).toBeUndefined()
      expect(await save(t, 'two', 'ONE-INV-', null)).toBe('LB528')
      expect(await save(t, 'two', 'one-cn-', null)).toBe('LB528')
      expect(await save(t, 'two', null, 'INV-')).toBe('LB528')
      expect(await save(t, 'two', 'SAME-', 'SAME-')).toBe('LB528')
      expect(await save(t, 'one', 'NEXT-', null)).toBeUndefined()
      expect(await save(t, 'two', 'ONE-INV-', null)).toBe('LB528')
      // its own old one goes on with its own numbers
      expect(await save(t, 'one', 'ONE-INV-', null)).toBeUndefined()
    }))

  it('has no prefix that ends in a digit: A1 with 000001 would be A with 1000001', () =>
    db.inTransaction(async (t) => {
      await onPlatform(t)
      expect(await save(t, 'one', 'A1', null)).toBe('23514')
      expect(await save(t, 'one', '2025/A', '')).toBeUndefined()
    }))

  it('needs a name when it is new, and keeps what is left out', () =>
    db.inTransaction(async (t) => {
      await onPlatform(t)
      expect(await t.errorCode(`select app_public.save_invoice_issuer('one')`)).toBe('23502')
      await t.query(`select app_public.save_invoice_issuer('one', 'One', draft_hours => 5)`)
      await t.query(`select app_public.save_invoice_issuer('one', payment_terms_days => 30)`)
      expect(
        await t.query(
          `select name, draft_hours, payment_terms_days, number_prefix from app_public.invoice_issuers where slug = 'one'`,
        ),
      ).toEqual([{ name: 'One', draft_hours: 5, payment_terms_days: 30, number_prefix: 'ONE-INV-' }])
    }))
})

describe('tax', () => {
  async function taxOf(t: Transaction, at: string): Promise<string> {
    await setClock(t, at)
    await asStaff(t, db, db.acme.id)
    const id = await t.value('select (app_public.create_invoice()).id')
    await t.query(`select app_public.add_invoice_line($1, 'Work', 100)`, [id])
    return t.value('select trim_scale((app_public.finalise_invoice($1)).tax)::text', [id])
  }

  it('is that of the country on the day of finalisation, unless staff set a rate for the tenant', () =>
    db.inTransaction(async (t) => {
      await setClock(t, '2025-01-01Z')
      await onPlatform(t)
      await t.query(`select app_public.set_tax_rate('DE', 0.16)`)
      await t.query(`select app_public.set_tax_rate('DE', 0.19, '2025-02-01Z')`)
      await t.query(`select app_public.set_tax_rate('FR', 0.2)`)
      await t.become(db.acme.owner)
      await t.query(`select app_public.update_billing_profile(country_code => 'DE')`)
      expect(await taxOf(t, '2025-01-31 23:59Z')).toBe('16')
      expect(await taxOf(t, '2025-02-01Z')).toBe('19')
      await t.query('select app_public.set_billing_terms(tax_rate => 0.07)')
      expect(await taxOf(t, '2025-02-02Z')).toBe('7')
      await t.query('select app_public.set_billing_terms(use_country_rate => true)')
      expect(await taxOf(t, '2025-02-03Z')).toBe('19')
      await t.become(db.acme.owner)
      await t.query(`select app_public.update_billing_profile(country_code => 'AQ')`)
      expect(await taxOf(t, '2025-02-04Z')).toBe('0')
    }))

  it('is not charged with the reverse charge, until the tenant gives another tax number or country', () =>
    db.inTransaction(async (t) => {
      await setClock(t, '2025-01-01Z')
      await onPlatform(t)
      await t.query(`select app_public.set_tax_rate('DE', 0.19)`)
      await t.become(db.acme.owner)
      await t.query(`select app_public.update_billing_profile(country_code => 'DE', tax_number => 'DE1')`)
      expect(await taxOf(t, '2025-01-02Z')).toBe('19')
      await t.query(`select app_public.set_billing_terms(tax_mode => 'reverse_charge')`)
      expect(await taxOf(t, '2025-01-03Z')).toBe('0')
      await t.become(db.acme.owner)
      await t.query(`select app_public.update_billing_profile(legal_name => 'Acme', tax_number => 'DE1')`)
      expect(await taxOf(t, '2025-01-04Z')).toBe('0')
      await t.become(db.acme.owner)
      await t.query(`select app_public.update_billing_profile(tax_number => 'DE2')`)
      expect(await taxOf(t, '2025-01-05Z')).toBe('19')
    }))

  it('rates do not begin in the past, and are shares of known countries', () =>
    db.inTransaction(async (t) => {
      await setClock(t, '2025-01-01Z')
      await onPlatform(t)
      const code = (args: string) => t.errorCode(`select app_public.set_tax_rate(${args})`)
      expect(await code(`'DE', 0.19, '2024-12-31Z'`)).toBe('LB407')
      for (const args of [`'DE', 1`, `'DE', -0.1`, `'DE', 'NaN'`, `'de', 0.1`, `'DE', 0.1, 'infinity'`])
        expect([args, await code(args)]).toEqual([args, '23514'])
      expect(await code(`'DE', null`)).toBe('23502')
      expect(await code(`'DE', 0.2, '2025-02-01Z'`)).toBeUndefined()
      expect(await code(`'DE', 0.21, '2025-02-01Z'`)).toBeUndefined()
      expect(await t.query('select trim_scale(rate)::text as rate from app_public.tax_rates')).toEqual([
        { rate: '0.21' },
      ])
    }))
})

it('a meter keeps its unit, and whether it is whole', () =>
  db.inTransaction(async (t) => {
    await onPlatform(t)
    expect(await t.errorCode(`select app_public.save_usage_type('page')`)).toBe('MT418')
    expect(await t.errorCode(`select app_public.save_usage_type('Page', 'Pages', 'page')`)).toBe('23514')
    await t.query(`select app_public.save_usage_type('page', 'Pages', 'page')`)
    expect(await t.errorCode(`select app_public.save_usage_type('page', unit => 'sheet')`)).toBe('MT503')
    expect(await t.errorCode(`select app_public.save_usage_type('page', is_whole => false)`)).toBe('MT503')
    await t.query(`select app_public.save_usage_type('page', 'Pages read', 'page', max_quantity => 5)`)
    expect(
      await t.query(`select display_name, is_whole, max_quantity::int from app_public.usage_types where name = 'page'`),
    ).toEqual([{ display_name: 'Pages read', is_whole: true, max_quantity: 5 }])
  }))

describe('the books of all tenants', () => {
  /** An overdue invoice and a draft of acme, a paid invoice of globex. */
  async function documents(t: Transaction): Promise<void> {
    await t.becomeSuperuser()
    await addPlan(t, { slug: 'plan', amount: 10 })
    await addPlan(t, { slug: 'plan', amount: 1000, currency: 'JPY' })
    await onPlatform(t)
    await t.query(`select app_public.save_invoice_issuer('second', 'Second')`)
    await subscribe(t, db.acme, 'plan')
    await payByInvoice(t, db.globex.id, { currency: 'JPY' })
    await asStaff(t, db, db.globex.id)
    await t.query(`select app_public.set_billing_terms(issuer_slug => 'second')`)
    await t.become(db.globex.owner)
    await t.query(`select app_public.start_subscription('plan')`)
    for (const tenant of [db.acme, db.globex]) await runBilling(t, tenant.id, '2025-04-01 12:00Z')
    await asStaff(t, db, db.globex.id)
    await t.query(
      `select app_public.record_payment(id, total, 'transfer') from app_public.invoices where tenant_id = $1`,
      [db.globex.id],
    )
    await asStaff(t, db, db.acme.id)
    await t.query('select app_public.create_invoice()')
  }
  const list = async (t: Transaction, args: string): Promise<string[]> =>
    (
      await t.query<{ line: string }>(
        `select concat_ws(' ', tenant_slug, coalesce(number, status::text)) as line from app_public.invoices_of_all_tenants(${args})`,
      )
    )
      .map(({ line }) => line)
      .sort()

  it('list what is overdue, a draft, or of an issuer', () =>
    db.inTransaction(async (t) => {
      await documents(t)
      await setClock(t, '2025-04-10Z')
      await onPlatform(t)
      expect(await list(t, '')).toEqual(['acme INV-000001', 'acme draft', 'globex SECOND-INV-000001'])
      expect(await list(t, 'is_overdue => true')).toEqual([])
      await setClock(t, '2025-06-01Z')
      expect(await list(t, 'is_overdue => true')).toEqual(['acme INV-000001'])
      expect(await list(t, `status => 'draft'`)).toEqual(['acme draft'])
      expect(await list(t, `issuer => 'second'`)).toEqual(['globex SECOND-INV-000001'])
      expect(await t.errorCode(`select from app_public.invoices_of_all_tenants(issuer => 'nobody')`)).toBe('LB309')
    }))

  it('come in pages that are the whole together, and never more than a page', () =>
    db.inTransaction(async (t) => {
      await documents(t)
      await asStaff(t, db, db.acme.id)
      await t.query('select app_public.create_invoice() from generate_series(1, 4)')
      await onPlatform(t)
      const all = await t.query<{ id: string }>('select * from app_public.invoices_of_all_tenants()')
      const paged: { id: string; created_at: string }[] = []
      for (;;) {
        const page = await t.query<{ id: string; created_at: string }>(
          'select id, created_at::text from app_public.invoices_of_all_tenants(created_before => $1, id_before => $2, at_most => 2)',
          [paged.at(-1)?.created_at, paged.at(-1)?.id],
        )
        expect(page.length).toBeLessThanOrEqual(2)
        if (page.length === 0) break
        paged.push(...page)
      }
      expect(paged.map(({ id }) => id)).toEqual(all.map(({ id }) => id))
      await t.becomeSuperuser()
      await t.query(
        `insert into app_public.invoices (tenant_id, reason, issuer_id, currency, timezone)
         select $1, 'manual', i.id, 'USD', 'UTC' from app_public.invoice_issuers i, generate_series(1, 1001) where slug = 'default'`,
        [db.acme.id],
      )
      await onPlatform(t)
      expect(await t.value('select count(*)::int from app_public.invoices_of_all_tenants(at_most => 1000000)')).toBe(
        1000,
      )
    }))

  it('export each entry of the period once, balanced in each currency', () =>
    db.inTransaction(async (t) => {
      await documents(t)
      await onPlatform(t)
      const from = `'2025-04-01Z', '2025-05-01Z'`
      const entries = await t.query(`select event, account, amount::int, document_number, tenant_slug, currency
        from app_public.export_ledger(${from}) order by currency, event, account`)
      const of = (
        tenant: string,
        currency: string,
        event: string,
        account: string,
        amount: number,
        number: string | null,
      ) => ({
        event,
        account,
        amount,
        document_number: number,
        tenant_slug: tenant,
        currency,
      })
      expect(entries).toEqual([
        of('globex', 'JPY', 'invoice', 'receivable', 1000, 'SECOND-INV-000001'),
        of('globex', 'JPY', 'invoice', 'revenue', -1000, 'SECOND-INV-000001'),
        of('globex', 'JPY', 'payment', 'cash', 1000, null),
        of('globex', 'JPY', 'payment', 'receivable', -1000, null),
        of('acme', 'USD', 'invoice', 'receivable', 10, 'INV-000001'),
        of('acme', 'USD', 'invoice', 'revenue', -10, 'INV-000001'),
      ])
      expect(await t.value(`select count(*)::int from app_public.export_ledger(${from}, 'USD')`)).toBe(2)
      expect(await t.value(`select count(*)::int from app_public.export_ledger('2025-03-01Z', '2025-04-01Z')`)).toBe(0)

      const ids: string[] = []
      let last: { id: string; at: string } | undefined
      for (;;) {
        const page: { id: string; at: string }[] = await t.query(
          `select id, occurred_at::text as at from app_public.export_ledger(${from}, null, $1, $2, at_most => 1)`,
          [last?.at, last?.id],
        )
        last = page[0]
        if (!last) break
        ids.push(last.id)
      }
      expect(new Set(ids).size).toBe(6)
      expect(ids).toHaveLength(6)
    }))
})
