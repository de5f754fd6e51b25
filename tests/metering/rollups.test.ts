// The roll-ups: exact after anything, in the tenant's calendar, and all reports agree because they are views of them.

import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { callFrom, createModel, differences, recordAll, rollUp, setPrice } from '../helpers/metering.ts'

const db = useDatabase()
// here the viewer records too
beforeAll(() =>
  db.pool.query(`update app_public.user_tenants set permissions = '{"can_record_usage": true}' where user_id = $1`, [
    db.acme.viewer.userId,
  ]),
)
const agents = ['00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-00000000000b']

async function inZone(t: Transaction, timezone: string): Promise<void> {
  await t.becomeSuperuser()
  await t.query('update app_public.tenants set timezone = $2 where id = $1', [db.acme.id, timezone])
}

const use = (key: string, at: string, change: object = {}) => ({
  idempotency_key: key,
  usage_type: 'api_call',
  quantity: 1,
  occurred_at: at,
  ...change,
})

describe('usage_tracking', () => {
  it('counts the same events by minute, hour, day and month', () =>
    db.inTransaction(async (t) => {
      await setClock(t, '2027-05-18T12:00:00Z')
      await recordAll(t, db.acme.member, [
        use('1', '2027-05-18T10:00:10Z', { outcome: 'success', duration_ms: 100 }),
        use('2', '2027-05-18T10:00:50Z', { outcome: 'error', duration_ms: 300 }),
        use('3', '2027-05-18T10:01:00Z', { usage_type: 'consultation', outcome: 'success' }),
        use('4', '2027-05-18T11:59:59Z', { usage_type: 'tool_call', quantity: 3 }),
        use('5', '2027-05-17T10:00:00Z', { usage_type: 'panel' }),
        use('6', '2027-04-30T23:59:59Z', { usage_type: 'workflow_run' }),
      ])
      expect(await rollUp(t, db.acme.id)).toBe(6)
      await t.become(db.acme.owner)
      const periods = await t.query(
        `select tracking_period, count(*)::int as periods, sum(request_count)::int as requests, sum(consultation_count)::int as consultations,
                sum(panel_count)::int as panels, sum(workflow_count)::int as workflows, sum(tool_call_count)::int as tools, sum(error_count)::int as errors
           from app_public.usage_tracking group by 1 order by 1`,
      )
      const totals = { requests: 2, consultations: 1, panels: 1, workflows: 1, tools: 3, errors: 1 }
      expect(periods).toEqual([
        { tracking_period: 'minute', periods: 5, ...totals },
        { tracking_period: 'hour', periods: 4, ...totals },
        { tracking_period: 'day', periods: 3, ...totals },
        { tracking_period: 'month', periods: 2, ...totals },
      ])
      expect(
        await t.query(
          `select period_end, avg_response_time_ms, success_rate from app_public.usage_tracking where tracking_period = 'day' and period_start = '2027-05-18T00:00Z'`,
        ),
      ).toEqual([{ period_end: new Date('2027-05-19T00:00:00Z'), avg_response_time_ms: 200, success_rate: '66.67' }])
    }))

  it('has a row for each user, agent and API key, and no two for the same', () =>
    db.inTransaction(async (t) => {
      const now = new Date(Date.now() - 1000).toISOString()
      for (const [i, person] of [db.acme.member, db.acme.member, db.acme.admin].entries()) {
        await recordAll(t, person, [use(`a${i}`, now), use(`b${i}`, now, { agent_id: agents[0] })])
        await rollUp(t, db.acme.id)
      }
      await t.become(db.acme.owner)
      expect(
        await t.query(
          `select user_id, agent_id, request_count::int as n, count(*) over (partition by id)::int as ids from app_public.usage_tracking where tracking_period = 'minute' order by n, agent_id nulls last`,
        ),
      ).toEqual([
        { user_id: db.acme.admin.userId, agent_id: agents[0], n: 1, ids: 1 },
        { user_id: db.acme.admin.userId, agent_id: null, n: 1, ids: 1 },
        { user_id: db.acme.member.userId, agent_id: agents[0], n: 2, ids: 1 },
        { user_id: db.acme.member.userId, agent_id: null, n: 2, ids: 1 },
      ])
    }))

  it("follows the tenant's clock: its hours, its days, the day that has 23 hours", () =>
    db.inTransaction(async (t) => {
      await setClock(t, '2027-05-01T00:00:00Z')
      await inZone(t, 'Asia/Kathmandu')
      await recordAll(t, db.acme.member, [use('1', '2027-03-10T18:14:59Z'), use('2', '2027-03-10T18:15:00Z')])
      await rollUp(t, db.acme.id)
      await t.become(db.acme.owner)
      const periods = (period: string) =>
        t.query(
          `select period_start, period_end from app_public.usage_tracking where tracking_period = $1 order by 1`,
          [period],
        )
      // 18:15 in London is midnight there
      expect(await periods('day')).toEqual([
        { period_start: new Date('2027-03-09T18:15:00Z'), period_end: new Date('2027-03-10T18:15:00Z') },
        { period_start: new Date('2027-03-10T18:15:00Z'), period_end: new Date('2027-03-11T18:15:00Z') },
      ])
      expect((await periods('hour')).map(({ period_start }) => period_start)).toEqual([
        new Date('2027-03-10T17:15:00Z'),
        new Date('2027-03-10T18:15:00Z'),
      ])
      await inZone(t, 'Europe/Berlin')
      await recordAll(t, db.acme.member, [use('3', '2027-03-28T12:00:00Z')])
      await rollUp(t, db.acme.id)
      await t.become(db.acme.owner)
      expect((await periods('day')).at(-1)).toEqual({
        period_start: new Date('2027-03-27T23:00:00Z'),
        period_end: new Date('2027-03-28T22:00:00Z'),
      })
    }))

  it('is counted anew when the tenant moves to another time zone, also when nothing else happens', () =>
    db.inTransaction(async (t) => {
      await setClock(t, '2027-05-01T00:00:00Z')
      await recordAll(t, db.acme.member, [use('1', '2027-04-30T23:30:00Z')])
      await rollUp(t, db.acme.id)
      await inZone(t, 'Europe/Berlin')
      await t.becomeRole('rowhouse_worker')
      expect(await t.query('select id from metering.tenants_to_roll_up() as id')).toEqual([{ id: db.acme.id }])
      await rollUp(t, db.acme.id)
      expect(await t.query('select id from metering.tenants_to_roll_up() as id')).toEqual([])
      await t.become(db.acme.owner)
      expect(await t.query('select period_start::text from app_public.tenant_usage_tracking')).toEqual([
        { period_start: '2027-05-01' },
      ])
      expect(await differences(t, db.acme.owner)).toEqual([])
    }))
})

describe('the other reports', () => {
  it('tell the month, the models, the features and the costs', () =>
    db.inTransaction(async (t) => {
      await setClock(t, '2027-05-31T00:00:00Z')
      const modelId = await createModel(t, 'writer')
      await setPrice(db, t, modelId, { input: 2, output: 10 })
      const tokens = { model_id: modelId, agent_id: agents[0], project_id: agents[1] }
      await recordAll(t, db.acme.member, [
        use('1', '2027-05-02T00:00:00Z', { usage_type: 'input_tokens', quantity: 1000, ...tokens }),
        use('2', '2027-05-02T00:00:00Z', { usage_type: 'output_tokens', quantity: 100, ...tokens }),
        use('3', '2027-05-03T00:00:00Z', { usage_type: 'reasoning_tokens', quantity: 7 }),
        use('4', '2027-05-03T00:00:00Z', { usage_type: 'storage_byte_hours', quantity: 720 * 2 ** 30 }),
        use('5', '2027-05-03T00:00:00Z', {
          usage_type: 'feature_use',
          feature_name: 'export',
          outcome: 'success',
          duration_ms: 1500,
        }),
        use('6', '2027-05-03T00:00:00Z', {
          usage_type: 'feature_use',
          feature_name: 'export',
          outcome: 'abandoned',
          duration_ms: 500,
        }),
      ])
      await recordAll(t, db.acme.viewer, [
        use('7', '2027-05-03T00:00:00Z', { usage_type: 'feature_use', feature_name: 'export', outcome: 'error' }),
        use('8', '2027-05-03T00:00:00Z'),
      ])
      await rollUp(t, db.acme.id)
      await t.become(db.acme.owner)
      // 720 GB·h in the 30 days that have passed
      expect(
        await t.query(`select period_start::text, period_end::text, active_users, total_api_calls::int, total_tokens_used::int, storage_used_gb::float,
                              expert_consultations::int, panel_discussions::int from app_public.tenant_usage_tracking`),
      ).toEqual([
        {
          period_start: '2027-05-01',
          period_end: '2027-06-01',
          active_users: 2,
          total_api_calls: 1,
          total_tokens_used: 1107,
          storage_used_gb: expect.closeTo(1, 6),
          expert_consultations: 0,
          panel_discussions: 0,
        },
      ])
      const [summary] = await t.query('select * from app_public.token_usage_summary')
      expect(summary).toMatchObject({
        total_tokens: '1107',
        total_prompt_tokens: '1000',
        total_completion_tokens: '107',
        usage_by_model: {
          writer: { model_id: modelId, tokens: 1100, prompt_tokens: 1000, completion_tokens: 100, cost_usd: 0.003 },
          unknown: { tokens: 7, cost_usd: 0 },
        },
      })
      expect(Number(summary?.total_cost_usd)).toBe(0.003)
      expect(
        await t.query(
          `select feature_name, usage_date::text, usage_count::int, unique_users, total_duration_seconds::float, success_count::int, error_count::int, abandon_count::int from app_public.feature_usage`,
        ),
      ).toEqual([
        {
          feature_name: 'export',
          usage_date: '2027-05-03',
          usage_count: 3,
          unique_users: 2,
          total_duration_seconds: 2,
          success_count: 1,
          error_count: 1,
          abandon_count: 1,
        },
      ])
      expect(
        await t.query(
          `select used_on::text, project_id, agent_id, user_id, model_id, input_tokens::int, output_tokens::int, total_cost::float from app_public.cost_tracking where total_cost > 0`,
        ),
      ).toEqual([
        {
          used_on: '2027-05-02',
          project_id: agents[1],
          agent_id: agents[0],
          user_id: db.acme.member.userId,
          model_id: modelId,
          input_tokens: 1000,
          output_tokens: 100,
          total_cost: 0.003,
        },
      ])
    }))

  it('show a member what is theirs, and another tenant nothing', () =>
    db.inTransaction(async (t) => {
      for (const person of [db.acme.member, db.acme.viewer])
        await recordAll(t, person, [use(person.role, new Date().toISOString(), { feature_name: 'f' })])
      await rollUp(t, db.acme.id)
      for (const [person, calls] of [
        [db.acme.member, 1],
        [db.acme.admin, 2],
        [db.globex.owner, null],
      ] as const) {
        await t.become(person)
        expect(await t.value('select sum(total_api_calls)::int from app_public.tenant_usage_tracking')).toBe(calls)
        expect(await t.value('select sum(usage_count)::int from app_public.feature_usage')).toBe(calls)
      }
    }))
})

describe('rolling up', () => {
  it('counts each event once, in bounded steps, late ones on their day', () =>
    db.inTransaction(async (t) => {
      await setClock(t, '2027-05-18T12:00:00Z')
      for (let i = 0; i < 10; i++)
        await recordAll(t, db.acme.member, [use(`a${i}`, '2027-05-18T10:00:00Z'), use(`b${i}`, '2027-05-18T10:00:00Z')])
      await t.becomeRole('rowhouse_worker')
      expect(await t.value('select metering.roll_up_usage($1, 5)', [db.acme.id])).toBe(6)
      expect(await rollUp(t, db.acme.id, 5)).toBe(14)
      expect(await rollUp(t, db.acme.id)).toBe(0)
      await recordAll(t, db.acme.member, [use('late', '2027-05-02T10:00:00Z')])
      await rollUp(t, db.acme.id)
      await t.become(db.acme.owner)
      expect(
        await t.query(
          `select period_start, request_count::int as n from app_public.usage_tracking where tracking_period = 'day' order by 1`,
        ),
      ).toEqual([
        { period_start: new Date('2027-05-02T00:00:00Z'), n: 1 },
        { period_start: new Date('2027-05-18T00:00:00Z'), n: 20 },
      ])
      expect(await differences(t, db.acme.owner)).toEqual([])
    }))

  it('of a tenant leaves the others alone', () =>
    db.inTransaction(async (t) => {
      const now = new Date().toISOString()
      await recordAll(t, db.acme.member, [use('k', now)])
      await recordAll(t, db.globex.member, [use('k', now)])
      await rollUp(t, db.acme.id)
      await t.becomeRole('rowhouse_worker')
      expect(await t.query('select id from metering.tenants_to_roll_up() as id')).toEqual([{ id: db.globex.id }])
    }))

  it('of a tenant that there is not does nothing', () =>
    db.inTransaction(async (t) => {
      expect(await rollUp(t, '00000000-0000-4000-8000-000000000000')).toBe(0)
    }))

  it('keeps what the catalogue shows of an agent', () =>
    db.inTransaction(async (t) => {
      await setClock(t, '2027-05-18T12:00:00Z')
      const agentId = await t.value<string>(
        `insert into app_public.agents (tenant_id, name) values ($1, 'Ada') returning id`,
        [db.acme.id],
      )
      await t.become(db.acme.member)
      for (const [key, at, ms, success] of [
        ['1', '2027-05-18T10:00:00Z', 100, true],
        ['2', '2027-05-17T10:00:00Z', 200, false],
        ['3', '2027-05-18T11:00:00Z', 600, true],
      ])
        await t.query(`select * from app_public.record_llm_usage(${callFrom('$1')})`, [
          JSON.stringify({
            idempotency_key: key,
            model: 'm',
            input_tokens: 1,
            output_tokens: 1,
            occurred_at: at,
            response_time_ms: ms,
            success,
            agent_id: agentId,
          }),
        ])
      const shown = `select usage_count::int, error_count::int, avg_response_time_ms::int, success_rate::float, last_success_at, last_error_at from app_public.agents where id = $1`
      const expected = [
        {
          usage_count: 3,
          error_count: 1,
          avg_response_time_ms: 300,
          success_rate: 66.67,
          last_success_at: new Date('2027-05-18T11:00:00Z'),
          last_error_at: new Date('2027-05-17T10:00:00Z'),
        },
      ]
      await rollUp(t, db.acme.id)
      await t.becomeSuperuser()
      expect(await t.query(shown, [agentId])).toEqual(expected)
      await t.query('update app_public.agents set usage_count = 0, last_error_at = null where id = $1', [agentId])
      await t.query('select metering.rebuild_rollups($1)', [db.acme.id])
      await t.becomeSuperuser()
      expect(await t.query(shown, [agentId])).toEqual(expected)
    }))
})

describe('verifying and rebuilding', () => {
  const damage: [string, string][] = [
    [
      'a day that says too much',
      'update metering.usage_days set quantity = quantity + 1 where used_on = (select max(used_on) from metering.usage_days)',
    ],
    [
      'a day that is missing',
      'delete from metering.usage_days where used_on = (select min(used_on) from metering.usage_days)',
    ],
    [
      'a day that nobody had',
      `update metering.usage_days set used_on = '2027-01-01' where used_on = (select min(used_on) from metering.usage_days)`,
    ],
    ['a minute that says too little', 'update metering.usage_minutes set cost = cost - 0.000000000001'],
    ['a person with an event too many', 'update metering.usage_user_days set event_count = event_count + 1'],
    ['a person who is missing', 'delete from metering.usage_users'],
    [
      'a person who used nothing',
      'insert into metering.usage_users select tenant_id, gen_random_uuid() from metering.usage_users',
    ],
    ['a model that cost nothing', 'update metering.usage_model_days set cost = 0'],
    ['a failed call too many', 'update metering.usage_model_days set error_count = error_count + 1'],
    ['an agent that was called once more', 'update metering.usage_agents set call_count = call_count + 1'],
  ]
  it.each(damage)('find %s, and mend it', (_what, statement) =>
    db.inTransaction(async (t) => {
      await setClock(t, '2027-05-18T12:00:00Z')
      const modelId = await createModel(t)
      await setPrice(db, t, modelId, { input: 2, output: 10 })
      await recordAll(t, db.acme.member, [
        use('1', '2027-05-02T00:00:00Z', { usage_type: 'input_tokens', quantity: 1000, model_id: modelId }),
        use('2', '2027-05-03T00:00:00Z', { usage_type: 'llm_call', agent_id: agents[0], outcome: 'success' }),
      ])
      await rollUp(t, db.acme.id)
      expect(await differences(t, db.acme.owner)).toEqual([])
      await t.becomeSuperuser()
      await t.query(statement)
      expect((await differences(t, db.acme.owner)).length).toBeGreaterThan(0)
      await t.becomeSuperuser()
      await t.query('select metering.rebuild_rollups($1)', [db.acme.id])
      expect(await differences(t, db.acme.owner)).toEqual([])
    }),
  )

  it('of some days leave the others as they are, and what waits uncounted', () =>
    db.inTransaction(async (t) => {
      await setClock(t, '2027-05-18T12:00:00Z')
      await inZone(t, 'America/New_York')
      await recordAll(t, db.acme.member, [
        use('1', '2027-05-03T03:59:59Z'),
        use('2', '2027-05-03T04:00:00Z'),
        use('3', '2027-05-04T04:00:00Z'),
      ])
      await rollUp(t, db.acme.id)
      await recordAll(t, db.acme.member, [use('waiting', '2027-05-03T12:00:00Z')])
      await t.becomeSuperuser()
      await t.query('update metering.usage_days set quantity = 100')
      await t.query(`select metering.rebuild_rollups($1, '2027-05-03', '2027-05-04')`, [db.acme.id])
      await t.becomeSuperuser()
      expect(await t.query('select used_on::text, quantity::int from metering.usage_days order by 1')).toEqual([
        { used_on: '2027-05-02', quantity: 100 },
        { used_on: '2027-05-03', quantity: 1 },
        { used_on: '2027-05-04', quantity: 100 },
      ])
      await t.become(db.acme.owner)
      expect(await t.query(`select * from metering.verify_rollups('2027-05-03', '2027-05-04')`)).toEqual([])
      expect(await t.query('select key ->> $1 as used_on from metering.verify_rollups()', ['used_on'])).toEqual([
        { used_on: '2027-05-02' },
        { used_on: '2027-05-04' },
      ])
    }))

  it('are for those with can_view_analytics', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      expect(await t.errorCode('select * from metering.verify_rollups()')).toBe('ID203')
    }))
})

describe('whatever is recorded, in whatever order,', () => {
  const event = fc.record(
    {
      usage_type: fc.constantFrom(
        'api_call',
        'llm_call',
        'input_tokens',
        'output_tokens',
        'consultation',
        'storage_byte_hours',
        'feature_use',
      ),
      quantity: fc.integer({ min: 1, max: 1_000_000_000 }),
      occurred_at: fc
        .date({ min: new Date('2027-03-27T20:00:00Z'), max: new Date('2027-04-02T00:00:00Z'), noInvalidDate: true })
        .map((date) => date.toISOString()),
      agent_id: fc.constantFrom(...agents),
      project_id: fc.constantFrom(...agents),
      feature_name: fc.constantFrom('a', 'b'),
      outcome: fc.constantFrom('success', 'error', 'abandoned'),
      duration_ms: fc.integer({ min: 0, max: 1_000_000 }),
      is_rated: fc.boolean(),
    },
    { requiredKeys: ['usage_type', 'quantity', 'occurred_at', 'is_rated'] },
  )
  // what happens between recordings: nothing, a run, a run that stops early
  const batch = fc.tuple(fc.array(event, { minLength: 1, maxLength: 12 }), fc.constantFrom(0, 50_000, 1), fc.boolean())

  // the roll-ups for reports, which no view of the API shows, and the same of the events
  const reportRollups = [
    [
      `select used_on::text, user_id, event_count::int from metering.usage_user_days where tenant_id = $1 order by 1, 2`,
      `select (occurred_at at time zone $2)::date::text as used_on, user_id, count(*)::int as event_count
         from app_public.usage_events where tenant_id = $1 group by 1, 2 order by 1, 2`,
    ],
    [
      `select used_on::text, model_id, agent_id, project_id, trim_scale(cost) as cost, call_count::text as calls, error_count::int as errors, token_count::text as tokens
         from metering.usage_model_days where tenant_id = $1 order by 1, 2, 3, 4`,
      `select (occurred_at at time zone $2)::date::text as used_on, model_id, agent_id, project_id, trim_scale(coalesce(sum(cost), 0)) as cost,
              coalesce(sum(quantity) filter (where usage_type = 'llm_call'), 0)::text as calls,
              (count(*) filter (where usage_type = 'llm_call' and outcome = 'error'))::int as errors,
              coalesce(sum(quantity) filter (where usage_type in ('input_tokens', 'output_tokens')), 0)::text as tokens
         from app_public.usage_events where tenant_id = $1 and usage_type in ('llm_call', 'input_tokens', 'output_tokens')
        group by 1, 2, 3, 4 order by 1, 2, 3, 4`,
    ],
  ] as const

  it('the reports equal what is added up from the events', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(batch, { minLength: 1, maxLength: 6 }),
        fc.constantFrom('UTC', 'Europe/Berlin', 'America/St_Johns', 'Pacific/Apia'),
        (batches, timezone) =>
          db.inTransaction(async (t) => {
            await setClock(t, '2027-04-03T00:00:00Z')
            await inZone(t, timezone)
            const modelId = await createModel(t)
            await setPrice(db, t, modelId, { input: 0.15, output: 0.6 })
            await setPrice(db, t, modelId, { input: 0.1, output: 0.35, from: '2027-03-30T00:00:00Z' })
            let serial = 0
            for (const [events, maxEvents, byViewer] of batches) {
              await recordAll(
                t,
                byViewer ? db.acme.viewer : db.acme.member,
                events.map(({ is_rated, ...rest }) => ({
                  idempotency_key: `${serial++}`,
                  ...rest,
                  ...(is_rated ? { model_id: modelId } : {}),
                })),
              )
              if (maxEvents > 0) {
                await t.becomeRole('rowhouse_worker')
                await t.value('select metering.roll_up_usage($1, $2)', [db.acme.id, maxEvents])
              }
            }
            await rollUp(t, db.acme.id)
            expect(await differences(t, db.acme.owner)).toEqual([])

            await t.becomeSuperuser()
            for (const [rollup, direct] of reportRollups)
              expect(await t.query(rollup, [db.acme.id])).toEqual(await t.query(direct, [db.acme.id, timezone]))

            const same = async (report: string, direct: string): Promise<void> => {
              await t.becomeSuperuser()
              const expected = await t.query(direct, [db.acme.id, timezone])
              await t.become(db.acme.owner)
              expect(await t.query(report)).toEqual(expected)
            }
            const events = `(select *, (occurred_at at time zone $2)::date as day, date_trunc('month', occurred_at at time zone $2)::date as month
                             from app_public.usage_events where tenant_id = $1) as e`
            await same(
              `select used_on::text, agent_id, project_id, user_id, model_id, trim_scale(total_cost) as cost from app_public.cost_tracking order by 1, 2, 3, 4, 5`,
              `select day::text as used_on, agent_id, project_id, user_id, model_id, trim_scale(coalesce(sum(cost), 0)) as cost from ${events} group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5`,
            )
            await same(
              `select period_start::text, active_users, trim_scale(total_tokens_used)::text as tokens from app_public.tenant_usage_tracking order by 1`,
              `select month::text as period_start, count(distinct user_id)::int as active_users,
                    coalesce(sum(quantity) filter (where usage_type in ('input_tokens', 'output_tokens')), 0)::text as tokens from ${events} group by 1 order by 1`,
            )
            await same(
              `select feature_name, usage_date::text, usage_count::int, unique_users, error_count::int from app_public.feature_usage order by 1, 2`,
              `select feature_name, day::text as usage_date, count(*)::int as usage_count, count(distinct user_id)::int as unique_users,
                    count(*) filter (where outcome = 'error')::int as error_count from ${events} where feature_name is not null group by 1, 2 order by 1, 2`,
            )
            await same(
              `select period_start, user_id, agent_id, request_count::int as n, avg_response_time_ms as ms from app_public.usage_tracking where tracking_period = 'hour' order by 1, 2, 3`,
              `select date_trunc('hour', occurred_at, $2) as period_start, user_id, agent_id,
                    coalesce(sum(quantity) filter (where usage_type in ('api_call', 'llm_call')), 0)::int as n, round(avg(duration_ms))::int as ms
               from ${events} group by 1, 2, 3 order by 1, 2, 3`,
            )
          }),
      ),
      { numRuns: 25, seed: 20_270_518 },
    ))
})
