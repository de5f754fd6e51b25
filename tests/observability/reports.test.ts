// Reports as people and workers have them: saving, running, schedules, mails and permissions, with the worker's tasks and a real
// mail server.

import { strFromU8, unzipSync } from 'fflate'
import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createPool } from '../../server/database.ts'
import { setClock } from '../helpers/clock.ts'
import { needsServer, queries, type Transaction, transaction, useDatabase } from '../helpers/index.ts'
import { useMailServer } from '../helpers/mail-server.ts'
import { runTask } from '../helpers/tasks.ts'
import { startTestWorker } from '../helpers/worker.ts'
import { createRule } from './alert-rules.ts'
import { createReport, parameters, seedCosts } from './report-rows.ts'

const db = useDatabase()
const mail = useMailServer()
const all = queries(() => db.pool)
let pool: pg.Pool

beforeAll(async () => {
  pool = createPool(db.url, 'rowhouse_worker', 10)
  await seedCosts(all, db)
})
afterAll(() => pool.end())
beforeEach(async () => {
  await all.query('delete from app_public.analytics_reports')
  await all.query('delete from graphile_worker._private_jobs')
})

/** Commits what it does. */
async function act<T>(work: (t: Transaction) => Promise<T>): Promise<T> {
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
const create = (report: Record<string, unknown>): Promise<string> => act((t) => createReport(t, db, report))
const ask = (reportId: string, args: object = {}, person = db.acme.member): Promise<string> =>
  act(async (t) => {
    await t.become(person)
    return t.value('select id from app_public.run_report($1, $2)', [reportId, args])
  })
const doAs = (text: string, values: unknown[], person = db.acme.admin): Promise<string | undefined> =>
  act(async (t) => {
    await t.become(person)
    return t.errorCode(text, values)
  })
const perform = (runId: string) => runTask(pool, 'observability__run_report', { tenantId: db.acme.id, runId })
type Run = { status: string; error: string | null; row_count: number; attempt: number; due_at: Date | null }
const runOf = async (runId: string): Promise<Run> =>
  (await all.query<Run>('select * from app_public.analytics_report_runs where id = $1', [runId]))[0] as Run
const resultOf = async (runId: string) =>
  (await all.query('select columns, rows from observability.report_results where run_id = $1', [runId]))[0]
const jobs = async (task: string) =>
  (
    await all.query<{ payload: { tenantId: string; runId: string; userId: string } }>(
      `select j.payload from graphile_worker._private_jobs j join graphile_worker._private_tasks t on t.id = j.task_id
        where t.identifier = $1 order by j.id`,
      [task],
    )
  ).map(({ payload }) => payload)
const grantBilling = (userId: string, permission: string, given: boolean) =>
  all.query(
    `update app_public.user_tenants set permissions = jsonb_build_object($2::text, $3::boolean) where user_id = $1 and tenant_id = $4`,
    [userId, permission, given, db.acme.id],
  )

describe('a run', () => {
  it('keeps the result, of its tenant, which people read page by page', async () => {
    const reportId = await create({
      statement: 'select day, sum(cost_usd) as cost from fact_costs group by day order by day',
    })
    const runId = await ask(reportId, {}, db.acme.admin)
    expect(await runOf(runId)).toMatchObject({ status: 'queued' })
    await perform(runId)
    expect(await runOf(runId)).toMatchObject({ status: 'completed', row_count: 2, attempt: 1, error: null })
    await act(async (t) => {
      await t.become(db.acme.admin)
      const [row] = await t.query(
        `select array(select c.name || ' ' || c.kind from unnest(app_public.analytics_report_runs_columns(r)) c) as columns,
                app_public.analytics_report_runs_rows(r, 1, 1) as rows from app_public.analytics_report_runs r where id = $1`,
        [runId],
      )
      expect(row).toEqual({ columns: ['day date', 'cost number'], rows: [[expect.stringMatching(/^20/), '2.5']] })
      await t.become(db.globex.admin)
      expect(await t.query('select from app_public.analytics_report_runs')).toEqual([])
      expect(await t.errorCode('select app_public.cancel_report_run($1)', [runId])).toBe('OB381')
      expect(await t.errorCode('select app_public.run_report($1)', [reportId])).toBe('OB380')
      expect(await t.value('select (observability.result_of_run($1)).run_id', [runId]).catch(() => null)).toBeNull()
    })
  })

  it('is given arguments, over those of the report, over the defaults; each of its type', async () => {
    const reportId = await create({
      statement: 'select $1 as a, $2 as b, $3 as c',
      parameters: parameters(['a', 'text', true], ['b', 'int', false, '7'], ['c', 'date', false, 'today']),
      arguments: { b: 8 },
    })
    const evil = `'; drop table app_public.tenants; --`
    const runId = await ask(reportId, { a: evil }, db.acme.admin)
    await perform(runId)
    expect((await resultOf(runId))?.rows).toEqual([[evil, '8', expect.stringMatching(/^20\d\d-/)]])
    for (const [args, what] of [
      [{}, 'a required one is missing'],
      [{ a: 'x', b: '1; drop' }, 'it is no number'],
      [{ a: 'x', b: 99999999999 }, 'the number is too large'],
      [{ a: 'x', c: '2026-02-30' }, 'there is no such day'],
      [{ a: 'x', d: 1 }, 'it is not known'],
      [{ a: 'x', b: [1] }, 'it is a list'],
      [[], 'it is no object'],
    ] as const)
      expect([what, await doAs('select app_public.run_report($1, $2)', [reportId, JSON.stringify(args)])]).toEqual([
        what,
        'OB484',
      ])
  })

  it('fails with a reason that people can read, and is tried again when they ask', async () => {
    const reportId = await create({ statement: 'select 1 / $1 as x', parameters: parameters(['by', 'int', true]) })
    const runId = await ask(reportId, { by: 0 }, db.acme.admin)
    await perform(runId)
    expect(await runOf(runId)).toMatchObject({ status: 'failed', error: 'division by zero' })
    expect(await doAs('select app_public.cancel_report_run($1)', [runId])).toBe('OB581')
    expect(await doAs('select app_public.retry_report_run($1)', [runId])).toBeUndefined()
    expect(await doAs('select app_public.retry_report_run($1)', [runId])).toBe('OB582')
    await act(async (t) => {
      await t.becomeSuperuser()
      await t.query(`update app_public.analytics_report_runs set arguments = '{"by": 1}'`)
    })
    await perform(runId)
    expect(await runOf(runId)).toMatchObject({ status: 'completed', error: null, attempt: 2 })
  })

  it('fails when the report got other parameters since', async () => {
    const reportId = await create({ statement: 'select $1 as x', parameters: parameters(['a', 'int']) })
    const runId = await ask(reportId, { a: 1 }, db.acme.admin)
    await all.query(
      `update app_public.analytics_reports set statement = 'select $1 as x', parameters = $1::text::app_public.report_parameter[]`,
      [parameters(['b', 'int'])],
    )
    await perform(runId)
    expect(await runOf(runId)).toMatchObject({ status: 'failed', error: expect.stringContaining('does not know') })
  })

  it('is one at a time, and what was cancelled brings nothing', async () => {
    const reportId = await create({ statement: 'select 1 as x' })
    const runId = await ask(reportId, {}, db.acme.admin)
    expect(await doAs('select app_public.run_report($1)', [reportId])).toBe('OB580')
    const begun = await pool.query('select attempt from observability.begin_report_run($1, $2)', [db.acme.id, runId])
    expect(await doAs('select app_public.cancel_report_run($1)', [runId])).toBeUndefined()
    const finished = await pool.query(`select observability.finish_report_run($1, $2, $3, '[]', '[]') as done`, [
      db.acme.id,
      runId,
      begun.rows[0].attempt,
    ])
    expect(finished.rows).toEqual([{ done: false }])
    await perform(runId)
    expect(await runOf(runId)).toMatchObject({ status: 'cancelled', attempt: 1 })
    const another = await ask(reportId, {}, db.acme.admin)
    expect(await doAs('select app_public.retry_report_run($1)', [runId])).toBe('OB580')
    expect(another).not.toBe(runId)
  })

  it('that another worker began again takes only the result of the last attempt', async () => {
    const runId = await ask(await create({ statement: 'select 1 as x' }), {}, db.acme.admin)
    const begin = async () =>
      (await pool.query('select attempt from observability.begin_report_run($1, $2)', [db.acme.id, runId])).rows[0]
        .attempt
    const finish = async (attempt: number) =>
      (
        await pool.query(`select observability.finish_report_run($1, $2, $3, '[]', '[["x"]]') as done`, [
          db.acme.id,
          runId,
          attempt,
        ])
      ).rows[0].done
    const [first, second] = [await begin(), await begin()]
    expect([await finish(first), await finish(second), await finish(second)]).toEqual([false, true, false])
  })

  it('is among the last 20 of its report, or gone with its result', async () => {
    const reportId = await create({ statement: 'select 1 as x' })
    for (let i = 0; i < 22; i += 1) await perform(await ask(reportId, {}, db.acme.admin))
    expect(await all.query('select from app_public.analytics_report_runs')).toHaveLength(20)
    expect(await all.query('select from observability.report_results')).toHaveLength(20)
  })

  it('waits for a real worker, which takes a statement that fails for no fault of its own', async (context) => {
    needsServer(context)
    const good = await ask(await create({ statement: 'select 1 as x' }), {}, db.acme.admin)
    const bad = await ask(await create({ statement: 'select 1 / 0 as x' }), {}, db.acme.admin)
    const worker = await startTestWorker(db.url)
    try {
      while (
        ['queued', 'running'].includes((await runOf(good)).status) ||
        ['queued', 'running'].includes((await runOf(bad)).status)
      )
        await worker.nextJob('observability__run_report')
    } finally {
      await worker.stop()
    }
    expect([(await runOf(good)).status, (await runOf(bad)).status]).toEqual(['completed', 'failed'])
    expect(await jobs('observability__run_report')).toEqual([])
  })
})

describe('the templates', () => {
  it('run, each with its defaults', async () => {
    const templates = await all.query<{ name: string }>('select name from app_public.report_templates order by name')
    expect(templates.map(({ name }) => name)).toEqual([
      ...['agent_usage', 'cost_by_day_and_model', 'invoices', 'quota_use', 'searches_without_hit'],
    ])
    for (const { name } of templates) {
      const runId = await ask(
        await act((t) => createReport(t, db, { template: name }, { ...db.acme, admin: db.acme.owner })),
        {},
        db.acme.owner,
      )
      await perform(runId)
      expect([name, (await runOf(runId)).status]).toEqual([name, 'completed'])
      if (name === 'cost_by_day_and_model')
        expect((await resultOf(runId))?.rows.map((row: string[]) => row[2])).toEqual(['2.5', '2.5'])
      if (name === 'agent_usage') expect((await resultOf(runId))?.rows).toEqual([['(none)', '2', '2000', '5.0']])
    }
  })

  it('bring their parameters, and are not mixed with a statement', async () => {
    for (const [report, code] of [
      [{ template: 'agent_usage', arguments: { days: 7 } }, undefined],
      [{ template: 'agent_usage', arguments: { weeks: 7 } }, 'OB484'],
      [{ template: 'agent_usage', parameters: parameters(['days', 'int']) }, '23514'],
      [{ template: 'agent_usage', statement: 'select 1' }, '23514'],
      [{}, '23514'],
      [{ template: 'another' }, '23503'],
    ] as const) {
      const tried = await create(report).then(
        () => undefined,
        (error) => error.code,
      )
      expect([report, tried]).toEqual([report, code])
    }
  })
})

describe('permissions', () => {
  it('to save a report is can_manage_settings, to run and read it can_view_analytics', async () => {
    const reportId = await create({ statement: 'select 1 as x' })
    const runId = await ask(reportId, {}, db.acme.admin)
    await grantBilling(db.acme.viewer.userId, 'can_view_analytics', false)
    const save = `insert into app_public.analytics_reports (name, statement) values ('x', 'select 1')`
    expect(await doAs(save, [], db.acme.member)).toBe('42501')
    expect(await doAs('select app_public.run_report($1)', [reportId], db.acme.viewer)).toBe('ID203')
    expect(await doAs('select app_public.cancel_report_run($1)', [runId], db.acme.viewer)).toBe('ID203')
    expect(await doAs(`select app_public.create_report_link($1, 'csv')`, [runId], db.acme.viewer)).toBe('ID203')
    await act(async (t) => {
      await t.become(db.acme.viewer)
      expect(await t.query('select from app_public.analytics_reports')).toEqual([])
      expect(await t.query('select from app_public.analytics_report_runs')).toEqual([])
      await t.become(db.acme.admin)
      expect(await t.query('select from app_public.analytics_reports')).toHaveLength(1)
      for (const column of ['reads_billing', 'next_run_at', 'created_by_user_id', 'tenant_id'])
        expect([column, await t.errorCode(`update app_public.analytics_reports set ${column} = default`)]).toEqual([
          column,
          '42501',
        ])
    })
  })

  it('of a report that reads invoices is can_manage_billing as well', async () => {
    await grantBilling(db.acme.admin.userId, 'can_manage_billing', false)
    try {
      expect(await create({ statement: 'select total from fact_invoices' }).catch((error) => error.code)).toBe('42501')
      const reportId = await act((t) =>
        createReport(
          t,
          db,
          { statement: 'select (select max(total) from fact_invoices) as x' },
          { ...db.acme, admin: db.acme.owner },
        ),
      )
      const runId = await ask(reportId, {}, db.acme.owner)
      await perform(runId)
      expect(await doAs('select app_public.run_report($1)', [reportId])).toBe('OB380')
      expect(await doAs(`select app_public.create_report_link($1, 'csv')`, [runId])).toBe('OB380')
      const seen = (person = db.acme.admin) =>
        act(async (t) => {
          await t.become(person)
          return t.value(
            'select count(*)::int from app_public.analytics_report_runs r where app_public.analytics_report_runs_rows(r) is not null',
          )
        })
      expect([await seen(), await seen(db.acme.owner)]).toEqual([0, 1])
    } finally {
      await grantBilling(db.acme.admin.userId, 'can_manage_billing', true)
    }
  })

  it('leave a tenant 100 reports and a report 20 recipients, who are members', async () => {
    await act(async (t) => {
      await t.becomeSuperuser()
      for (let i = 0; i < 100; i += 1)
        await t.query(
          `insert into app_public.analytics_reports (tenant_id, name, statement) values ($1, $2, 'select 1')`,
          [db.acme.id, `Report ${i}`],
        )
      await t.become(db.acme.admin)
      expect(
        await t.errorCode(`insert into app_public.analytics_reports (name, statement) values ('One more', 'select 1')`),
      ).toBe('OB682')
      const recipients = `update app_public.analytics_reports set recipient_user_ids = $1 where name = 'Report 1'`
      expect(await t.errorCode(recipients, [[db.globex.admin.userId]])).toBe('OB382')
      expect(await t.errorCode(recipients, [Array(20).fill(db.acme.member.userId)])).toBeUndefined()
      expect(await t.errorCode(recipients, [Array(21).fill(db.acme.member.userId)])).toBe('23514')
    })
  })
})

describe('a schedule', () => {
  const nextOf = (t: Transaction, id: string) =>
    t.value<Date>('select next_run_at from app_public.analytics_reports where id = $1', [id])

  it('goes by the clocks of the tenant, also when they are changed', () =>
    db.inTransaction(async (t) => {
      await t.query(`update app_public.tenants set timezone = 'Europe/Berlin' where id = $1`, [db.acme.id])
      await setClock(t, '2026-03-28T12:00:00Z')
      const id = await createReport(t, db, { statement: 'select 1', schedule: '0 7 * * *' })
      await t.becomeSuperuser()
      expect((await nextOf(t, id)).toISOString()).toBe('2026-03-29T05:00:00.000Z')
      await setClock(t, '2026-03-27T12:00:00Z')
      await t.query(`update app_public.analytics_reports set schedule = '0 8 * * *'`)
      expect((await nextOf(t, id)).toISOString()).toBe('2026-03-28T07:00:00.000Z')
      await t.query(`update app_public.tenants set timezone = 'America/New_York' where id = $1`, [db.acme.id])
      expect((await nextOf(t, id)).toISOString()).toBe('2026-03-27T12:00:00.000Z'.replace('27T12', '28T12'))
      await t.query(`update app_public.analytics_reports set is_enabled = false`)
      expect(await nextOf(t, id)).toBeNull()
    }))

  it('is at most hourly, a cron expression, and gives what is required', async () => {
    for (const [report, code] of [
      [{ schedule: '* * * * *' }, '23514'],
      [{ schedule: '*/5 * * * *' }, '23514'],
      [{ schedule: '0,1 * * * *' }, '23514'],
      [{ schedule: '61 * * * *' }, 'RH401'],
      [{ schedule: '0 7 * *' }, 'RH401'],
      [{ schedule: '0 7 30 2 *' }, 'RH402'],
      [{ schedule: '0 * * * *' }, undefined],
      [{ schedule: '0 * * * *', statement: 'select $1', parameters: parameters(['a', 'int', true]) }, 'OB484'],
      [
        {
          schedule: '0 * * * *',
          statement: 'select $1',
          parameters: parameters(['a', 'int', true]),
          arguments: { a: 1 },
        },
        undefined,
      ],
    ] as const)
      expect([
        report,
        await create({ statement: 'select 1', ...report }).then(
          () => undefined,
          (error) => error.code,
        ),
      ]).toEqual([report, code])
  })

  it('makes one run with ten workers, and one for all that were missed', async () => {
    const id = await create({ statement: 'select 1 as x', schedule: '0 * * * *' })
    await all.query(`update app_public.analytics_reports set next_run_at = now() - interval '3 days'`)
    await Promise.all(Array.from({ length: 10 }, () => runTask(pool, 'observability__run_reports')))
    const due = await jobs('observability__run_report')
    expect(due).toHaveLength(1)
    await perform(due[0]?.runId ?? '')
    expect(await runOf(due[0]?.runId ?? '')).toMatchObject({ status: 'completed', due_at: expect.any(Date) })
    expect(
      await all.query('select from app_public.analytics_reports where id = $1 and next_run_at > now()', [id]),
    ).toHaveLength(1)
    await runTask(pool, 'observability__run_reports')
    expect(await jobs('observability__run_report')).toHaveLength(1)
  })

  it('leaves a run out while the one before goes on, and sleeps while the tenant is suspended', async () => {
    const id = await create({ statement: 'select 1 as x', schedule: '0 * * * *' })
    const makeDue = () => all.query(`update app_public.analytics_reports set next_run_at = now() - interval '1 minute'`)
    const runId = await ask(id, {}, db.acme.admin)
    await makeDue()
    await runTask(pool, 'observability__run_reports')
    expect(await all.query('select from app_public.analytics_report_runs')).toHaveLength(1)
    await perform(runId)
    await makeDue()
    await all.query(`alter table app_public.tenants disable trigger user`)
    await all.query(`update app_public.tenants set status = 'suspended' where id = $1`, [db.acme.id])
    await runTask(pool, 'observability__run_reports')
    expect(await all.query('select from app_public.analytics_report_runs')).toHaveLength(1)
    await all.query(`update app_public.tenants set status = 'active' where id = $1`, [db.acme.id])
    await all.query(`alter table app_public.tenants enable trigger user`)
    await runTask(pool, 'observability__run_reports')
    expect(await all.query('select from app_public.analytics_report_runs')).toHaveLength(2)
  })
})

describe('mails', () => {
  const send = async () => {
    for (const payload of await jobs('observability__mail_report'))
      await runTask(pool, 'observability__mail_report', payload)
  }

  it('bring each recipient CSV, a workbook and a chart, once', async () => {
    const reportId = await create({
      name: 'Cost: <b>"x"</b> & =cmd()',
      statement: `select day, sum(cost_usd) as cost, '=HYPERLINK("http://x")' as note from fact_costs group by day order by day`,
      recipient_user_ids: [db.acme.admin.userId, db.acme.owner.userId],
    })
    await perform(await ask(reportId, {}, db.acme.admin))
    await send()
    await send()
    expect(mail.mails.map(({ to }) => to?.[0]?.address).sort()).toEqual(['admin@acme.test', 'owner@acme.test'])
    const [first] = mail.mails
    expect(first?.subject).toBe('ACME: Cost: <b>"x"</b> & =cmd()')
    expect(first?.html).toContain('&lt;b&gt;')
    const [csv, xlsx] = first?.attachments ?? []
    expect(csv?.filename).toMatch(/^Cost-b-x-b-cmd-\d{4}-\d\d-\d\d\.csv$/)
    expect(
      Buffer.from(csv?.content as ArrayBuffer)
        .toString()
        .split('\r\n')[1],
    ).toMatch(/^\d{4}-\d\d-\d\d,2.5,"'=HYPERLINK\(""http:\/\/x""\)"$/)
    const sheet = unzipSync(new Uint8Array(xlsx?.content as ArrayBuffer))['xl/worksheets/sheet1.xml'] as Uint8Array
    expect(strFromU8(sheet)).not.toContain('<f>')
    expect(first?.attachments.map(({ mimeType }) => mimeType)).toEqual([
      'text/csv',
      'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
    ])
  })

  it('have a chart when the result has one dimension', async () => {
    const statement = `select day, sum(cost_usd) as cost from fact_costs group by day order by day`
    const reportId = await create({ statement, recipient_user_ids: [db.acme.admin.userId] })
    await perform(await ask(reportId, {}, db.acme.admin))
    await send()
    expect(mail.mails[0]?.attachments.map(({ mimeType }) => mimeType)).toContain('image/svg+xml')
  })

  it('go to nobody who may no longer see the report, or wants no mails', async () => {
    const reportId = await act((t) =>
      createReport(
        t,
        db,
        {
          template: 'invoices',
          recipient_user_ids: [db.acme.member.userId, db.acme.owner.userId, db.acme.admin.userId],
        },
        { ...db.acme, admin: db.acme.owner },
      ),
    )
    await perform(await ask(reportId, {}, db.acme.owner))
    await grantBilling(db.acme.admin.userId, 'can_manage_billing', false)
    await send()
    await grantBilling(db.acme.admin.userId, 'can_manage_billing', true)
    expect(mail.mails.map(({ to }) => to?.[0]?.address)).toEqual(['owner@acme.test'])
    expect(await all.query('select status from observability.report_mails order by status')).toEqual([
      { status: 'sent' },
      { status: 'skipped' },
      { status: 'skipped' },
    ])
  })

  it('are tried again when the server does not take them', async () => {
    const reportId = await create({ statement: 'select 1 as x', recipient_user_ids: [db.acme.admin.userId] })
    await perform(await ask(reportId, {}, db.acme.admin))
    mail.refusal = { responseCode: 451 }
    await expect(send()).rejects.toThrow()
    expect(await all.query('select status, error from observability.report_mails')).toEqual([
      { status: 'queued', error: 'The mail server refused the mail (451).' },
    ])
    mail.refusal = undefined
    await send()
    expect(mail.mails).toHaveLength(1)
    expect(await all.query('select status from observability.report_mails')).toEqual([{ status: 'sent' }])
  })
})

describe('an alert over a report', () => {
  const evaluate = async (reportId: string, tenant = db.acme): Promise<{ state: string; value: string | null }> =>
    act(async (t) => {
      const id = await createRule(
        t,
        db,
        {
          metric: 'report_value',
          filter: { report_id: reportId },
          aggregation: 'greatest',
          threshold: 41,
          window_minutes: 60,
        },
        tenant,
      )
      await t.becomeSuperuser()
      await t.query(`select set_config('rowhouse.clock', (now() + interval '1 minute')::text, true)`)
      await t.becomeRole('rowhouse_worker')
      await t.query('select observability.evaluate_alerts($1)', [tenant.id])
      await t.becomeSuperuser()
      const [row] = await t.query('select state, value from observability.alert_states where alert_id = $1', [id])
      return row as { state: string; value: string | null }
    })
  const runOf = async (statement: string): Promise<string> => {
    const id = await create({ statement })
    await perform(await ask(id, {}, db.acme.admin))
    return id
  }

  it('looks at the number that a run brought', async () => {
    expect(await evaluate(await runOf('select 42.5 as x'))).toEqual({ state: 'firing', value: '42.5' })
    expect(await evaluate(await runOf('select 41 as x'))).toEqual({ state: 'ok', value: '41' })
  })

  it('has no data of a result that is not one number, of another tenant’s, or of one that reads invoices', async () => {
    for (const statement of [
      `select '42' as x`,
      'select 42 as x, 43 as y',
      'select 42 as x union all select 43',
      'select 42 as x where false',
      `select 'NaN'::numeric as x`,
      'select null::int as x',
      'select 42 + count(*) as x from fact_invoices',
    ])
      expect([statement, await evaluate(await runOf(statement))]).toEqual([
        statement,
        { state: 'no_data', value: null },
      ])
    expect(await evaluate(await runOf('select 42 as x'), db.globex)).toEqual({ state: 'no_data', value: null })
  })
})
