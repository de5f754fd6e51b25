// docs/billing.md is held to what it says: its table of who may do what is tried by each role, and its worked examples are lived.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { apiFunctionsOf } from '../helpers/optional-arguments.ts'
import { addPlan, asStaff, differences, payByInvoice, runBilling, use } from './helpers.ts'

const db = useDatabase()
const page = await readFile(join(import.meta.dirname, '../../docs/billing.md'), 'utf8')

/** The rows of the tables in a part of the page, without their heads. */
const rowsOf = (part: string): string[][] =>
  part
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .slice(1, line.lastIndexOf('|'))
        .split('|')
        .map((cell) => cell.trim()),
    )
    .filter((cells, i, rows) => !cells[0]?.startsWith('---') && !rows[i + 1]?.[0]?.startsWith('---'))
const part = (heading: string): string => page.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? ''
const named = (cell: string): string[] => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name as string)

describe('who may do what', () => {
  const roles = ['owner', 'admin', 'member', 'viewer', 'staff'] as const
  const become = (t: Transaction, role: (typeof roles)[number]) =>
    role === 'staff' ? asStaff(t, db, db.acme.id) : t.become(db.acme[role])
  const table = Object.fromEntries(
    rowsOf(part('Who may do what')).flatMap(([functions = '', ...cells]) =>
      named(functions).map((name) => [name, roles.filter((_, i) => cells[i] === 'yes')]),
    ),
  )
  // read through policies, as the sentence below the table says
  const reading = [
    'invoice',
    'invoices_html',
    'invoices_pdf_base64',
    'billing_profiles_credit_balance',
    'billing_profiles_wallet_balance',
  ]

  it('is written for every function', async () => {
    const functions = (await apiFunctionsOf('09_billing')).map((name) => name.replace('app_public.', ''))
    expect(Object.keys(table).sort()).toEqual(functions.filter((name) => !reading.includes(name)))
  })

  it('is what each role is refused when it tries', () =>
    db.inTransaction(async (t) => {
      const tried: Record<string, string[]> = {}
      for (const name of Object.keys(table)) {
        const nulls = await t.value<string>(
          `select coalesce(string_agg('null::' || format_type(a.type, null), ', ' order by a.n), '')
             from pg_proc p, unnest(p.proargtypes::oid[]) with ordinality as a (type, n)
            where p.oid = $1::regproc`,
          [`app_public.${name}`],
        )
        tried[name] = []
        for (const role of roles) {
          await t.query('savepoint before_call')
          await become(t, role)
          const code = await t.errorCode(`select * from app_public.${name}(${nulls})`)
          if (code !== 'ID203' && code !== 'TN205') tried[name].push(role)
          await t.query('rollback to savepoint before_call')
        }
      }
      expect(tried).toEqual(table)
    }))

  it('of the tables is that can_manage_billing reads them, and nobody writes', () =>
    db.inTransaction(async (t) => {
      await t.becomeSuperuser()
      const names = named(
        part('Who may do what')
          .split('\n')
          .findLast((line) => line.startsWith('The owner')) ?? '',
      )
      const tables = names.filter((name) => name !== 'can_manage_billing')
      const may = await t.query<{ name: string; who: string }>(
        `select replace(table_name, 'app_public.', '') as name, string_agg(distinct command || ': ' || who, '; ') as who
           from core.who_may where role = 'rowhouse_user' and table_name = any ($1) group by 1`,
        [tables.map((name) => `app_public.${name}`)],
      )
      expect(Object.fromEntries(may.map(({ name, who }) => [name, who]))).toEqual(
        Object.fromEntries(
          tables.map((name) => [
            name,
            'select: members with can_manage_billing (owner, unless the membership changes it)',
          ]),
        ),
      )
    }))
})

describe('the worked example', () => {
  const [plans = '', ...examples] = part('Worked examples').split('\n### ')

  const offer = async (t: Transaction): Promise<void> => {
    for (const [slug = '', tier, cycle, amount = '', included, unitAmount] of rowsOf(plans))
      await addPlan(t, {
        slug,
        amount,
        ...(tier ? { tier } : {}),
        ...(cycle ? { cycle } : {}),
        components: [
          { usageType: 'tool_call', model: 'per_unit', unitAmount: Number(unitAmount), included: Number(included) },
        ],
      })
    await payByInvoice(t, db.acme.id)
  }

  const take = async (t: Transaction, when: string, who: string, does: string): Promise<void> => {
    if (who === 'clock') return runBilling(t, db.acme.id, `${when}Z`)
    await t.becomeSuperuser()
    const last = await t.value<string>(
      `select (select id from app_public.invoices where tenant_id = $1 and series = 'invoice' order by created_at desc limit 1)`,
      [db.acme.id],
    )
    const payment = await t.value<string>('select (select id from app_public.payments where tenant_id = $1)', [
      db.acme.id,
    ])
    await setClock(t, `${when}Z`)
    const used = does.match(/^uses (\d+)(?: on (\S+))?$/)
    if (used) return use(t, db.acme.member, 'tool_call', used[1] ?? '', `${used[2] ?? when}Z`)
    await (who === 'staff' ? asStaff(t, db, db.acme.id) : t.become(db.acme.owner))
    const call = does.replaceAll('`', '').replace('LAST', `'${last}'`).replace('PAYMENT', `'${payment}'`)
    await t.query(`select app_public.${call}`)
  }

  const lines = async (t: Transaction): Promise<string[]> => {
    await t.becomeSuperuser()
    const rows = await t.query<{ line: string }>(
      `select l.kind || ' ' || l.amount as line from app_public.invoice_lines l
         join app_public.invoices i on i.tenant_id = l.tenant_id and i.id = l.invoice_id
        where l.tenant_id = $1 order by i.created_at, i.series desc, i.sequence_number, i.id, l.line_number`,
      [db.acme.id],
    )
    return rows.map(({ line }) => line)
  }
  const balances = (t: Transaction) =>
    t.query<{ due: string; credit: string }>(
      `select (select coalesce(sum(amount_due), 0)::text from app_public.invoices i where i.tenant_id = t.id) as due,
              (select coalesce(sum(amount), 0)::text from app_public.credit_entries c where c.tenant_id = t.id) as credit
         from app_public.tenants t where t.id = $1`,
      [db.acme.id],
    )

  it.each(examples.map((text) => [text.split('\n')[0] ?? '', text]))('%s', (_, text) =>
    db.inTransaction(async (t) => {
      await offer(t)
      const written = rowsOf(text)
      const lived: string[][] = []
      let before: string[] = []
      for (const [when = '', who = '', does = ''] of written) {
        await take(t, when, who, does)
        const now = await lines(t)
        const [books] = await balances(t)
        const added = now.slice()
        for (const line of before) added.splice(added.indexOf(line), 1)
        lived.push([when, who, does, added.join(', '), `${Number(books?.due)}`, `${Number(books?.credit)}`])
        before = now
      }
      expect(lived).toEqual(written)
      expect(await differences(t, db.acme.id)).toEqual([])
    }),
  )
})
