// Alerts: who may make rules, what a rule can look at, and how it stands after whatever happens, compared with a model.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import {
  createRule,
  evaluate,
  iso,
  minute,
  minuteOf,
  recordRun,
  slowTool,
  start,
  stateOf,
  told,
} from './alert-rules.ts'

const db = useDatabase()
const insertRule = `insert into app_public.alerts (name, metric, aggregation, filter, threshold, deviation_percent, deviation_weeks, recipient_user_ids)
  select name, metric, aggregation, coalesce(filter, '{}'), threshold, deviation_percent, deviation_weeks, recipient_user_ids
    from jsonb_populate_record(null::app_public.alerts, $1)`
const refusal = (t: Transaction, rule: object) => t.errorCode(insertRule, [JSON.stringify({ ...slowTool, ...rule })])

describe('a rule', () => {
  it('is made by those who manage settings, and seen by those who see analytics, in their tenant only', () =>
    db.inTransaction(async (t) => {
      const id = await createRule(t, db)
      await t.become(db.acme.admin)
      expect(await t.value('select count(*)::int from app_public.alerts where id = $1', [id])).toBe(1)
      expect(
        await t.value('select (app_public.alerts_status(a)).state from app_public.alerts a where id = $1', [id]),
      ).toBe('ok')
      await t.become(db.acme.member)
      expect(await t.value('select count(*)::int from app_public.alerts')).toBe(0)
      expect(await refusal(t, {})).toBe('42501')
      await t.become(db.globex.admin)
      expect(await t.value('select count(*)::int from app_public.alerts')).toBe(0)
      expect(await t.errorCode('select app_public.acknowledge_alert($1)', [id])).toBe('OB342')
    }))

  it('looks at a metric of the list only, and a metric of the platform only in its own tenant', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.admin)
      expect(await refusal(t, { metric: 'pg_sleep(10)' })).toBe('OB340')
      expect(await refusal(t, { metric: 'failed_jobs', aggregation: 'sum' })).toBe('OB340')
      expect(await refusal(t, { aggregation: 'sum' })).toBe('OB440')
      await t.become(db.platform.owner)
      expect(await refusal(t, { metric: 'failed_jobs', aggregation: 'sum' })).toBeUndefined()
    }))

  it('has a filter of known keys with texts as values', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.admin)
      expect(await refusal(t, { filter: { "tool_name' or true --": 'x' } })).toBe('OB441')
      expect(await refusal(t, { filter: { tool_name: 1 } })).toBe('OB441')
      expect(await refusal(t, { filter: { tool_name: '' } })).toBe('OB441')
      expect(await refusal(t, { filter: { tool_name: 'x'.repeat(256) } })).toBe('OB441')
      expect(await refusal(t, { filter: [] })).toBe('23514')
      expect(await refusal(t, { filter: { tool_name: 'calculator' } })).toBeUndefined()
    }))

  it('has a threshold or a deviation, and only of what has a past', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.admin)
      expect(await refusal(t, { threshold: null })).toBe('23514')
      expect(await refusal(t, { deviation_percent: 10, deviation_weeks: 2 })).toBe('23514')
      expect(await refusal(t, { threshold: 'NaN' })).toBe('23514')
      expect(await refusal(t, { threshold: null, deviation_percent: 10 })).toBe('23514')
      expect(
        await refusal(t, {
          metric: 'failed_documents',
          aggregation: 'count',
          threshold: null,
          deviation_percent: 10,
          deviation_weeks: 2,
        }),
      ).toBe('OB442')
    }))

  it('tells members only', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.admin)
      expect(await refusal(t, { recipient_user_ids: [db.globex.owner.userId] })).toBe('OB341')
    }))

  it('is one of at most 100 of a tenant', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.admin)
      await t.query(
        `insert into app_public.alerts (name, metric, aggregation, threshold) select 'r' || i, 'tool_runs', 'count', 1 from generate_series(1, 100) i`,
      )
      expect(await refusal(t, {})).toBe('OB640')
      await t.become(db.globex.admin)
      expect(await refusal(t, {})).toBeUndefined()
    }))

  it.each(['%', "'", "'; drop table app_public.alerts; --", '$1', '\\', '"', '{}', '%I %s %L', '\u{1F512}'])(
    'with the text %s in its filter measures the rows that have this text, and nothing else',
    (text) =>
      db.inTransaction(async (t) => {
        const id = await createRule(t, db, {
          metric: 'tool_runs',
          aggregation: 'count',
          threshold: 0,
          filter: { tool_name: text },
        })
        await recordRun(t, db.acme.id, start - 1000, 1, 'other')
        await recordRun(t, db.globex.id, start - 1000, 1, text)
        await evaluate(t, db.acme.id, start)
        expect(await stateOf(t, id)).toBe('ok')
        await recordRun(t, db.acme.id, start - 1000, 1, text)
        await evaluate(t, db.acme.id, start + minute / 2)
        expect(await stateOf(t, id)).toBe('firing')
      }),
  )

  it('can be made of every metric, and each can be measured in every aggregation it has', () =>
    db.inTransaction(async (t) => {
      await t.becomeSuperuser()
      await t.query(
        `insert into app_public.alerts (tenant_id, name, metric, aggregation, threshold, filter)
         select $1, m.name, m.name, a, 1, coalesce((select jsonb_object_agg(k, 'x') from unnest(m.filter_keys) k), '{}')
           from app_public.alert_metrics m cross join unnest(m.aggregations) a`,
        [db.platform.id],
      )
      await evaluate(t, db.platform.id, Date.now() + minute)
      await t.becomeSuperuser()
      expect(
        await t.value('select count(*)::int from observability.alert_states where evaluated_at is not null'),
      ).toBeGreaterThan(40)
      expect(await t.query('select problem from observability.alert_states where problem is not null')).toEqual([])
    }))

  it('that cannot be measured says so, and does not keep the others from being looked at', () =>
    db.inTransaction(async (t) => {
      const broken = await createRule(t, db, { metric: 'tool_runs', aggregation: 'count', threshold: 0 })
      const other = await createRule(t, db)
      await t.becomeSuperuser()
      await t.query(`update app_public.alert_metrics set row_value = '1 / 0' where name = 'tool_runs'`)
      await minuteOf(t, db, start, 'slow')
      expect([await stateOf(t, broken), await stateOf(t, other)]).toEqual(['no_data', 'firing'])
      expect(await t.value('select problem from observability.alert_states where alert_id = $1', [broken])).toContain(
        '22012',
      )
    }))
})

describe('a deviation', () => {
  it('is from the mean of the same hour of the weeks before, by the clocks of the tenant', () =>
    db.inTransaction(async (t) => {
      await t.becomeSuperuser()
      await t.query(`update app_public.tenants set timezone = 'Europe/Berlin' where id = $1`, [db.acme.id])
      const id = await createRule(t, db, {
        ...{ metric: 'tool_runs', aggregation: 'count', window_minutes: 60 },
        ...{ threshold: null, deviation_percent: 50, deviation_weeks: 2 },
      })
      // the clocks went forward on 29 March: noon was 11:00 UTC before, and is 10:00 UTC after
      for (const noon of ['2026-03-18T11:00:00Z', '2026-03-25T11:00:00Z']) {
        for (let i = 0; i < 4; i++) await recordRun(t, db.acme.id, Date.parse(noon) - minute, 1)
      }
      const now = Date.parse('2026-04-01T10:00:00Z')
      for (let i = 0; i < 6; i++) await recordRun(t, db.acme.id, now - minute, 1)
      await evaluate(t, db.acme.id, now)
      expect(await stateOf(t, id)).toBe('ok')
      await recordRun(t, db.acme.id, now - minute, 1)
      await evaluate(t, db.acme.id, now + minute / 2)
      expect(await stateOf(t, id)).toBe('firing')
      expect(await t.value('select limit_value::float from observability.alert_states where alert_id = $1', [id])).toBe(
        6,
      )
    }))

  it('from weeks without data is not known', () =>
    db.inTransaction(async (t) => {
      const id = await createRule(t, db, { threshold: null, deviation_percent: 50, deviation_weeks: 4 })
      await minuteOf(t, db, start, 'slow')
      expect(await stateOf(t, id)).toBe('no_data')
    }))
})

describe('what is told', () => {
  it('is told once when it fires, and once when it is over, and again the next time', () =>
    db.inTransaction(async (t) => {
      const id = await createRule(t, db)
      const series = ['slow', 'slow', 'slow', 'quick', 'quick', 'slow', 'quick'] as const
      for (const [i, was] of series.entries()) await minuteOf(t, db, start + i * minute, was)
      expect(await told(t, id)).toEqual(['firing', 'resolved', 'firing', 'resolved'])
    }))

  it('is nothing that comes and goes inside of `for`', () =>
    db.inTransaction(async (t) => {
      const id = await createRule(t, db, { for_minutes: 3 })
      for (let i = 0; i < 12; i++) await minuteOf(t, db, start + i * minute, i % 3 < 2 ? 'slow' : 'quick')
      expect(await told(t, id)).toEqual([])
      // and once it fires, it does not end and begin with each flutter
      for (let i = 12; i < 24; i++) await minuteOf(t, db, start + i * minute, i < 16 || i % 3 ? 'slow' : 'quick')
      expect(await told(t, id)).toEqual(['firing'])
    }))

  it('is told again after the repeat interval, until someone acknowledges it', () =>
    db.inTransaction(async (t) => {
      const id = await createRule(t, db, { repeat_minutes: 5 })
      for (let i = 0; i <= 10; i++) await minuteOf(t, db, start + i * minute, 'slow')
      expect(await told(t, id)).toEqual(['firing', 'firing', 'firing'])
      await t.become(db.acme.admin)
      await t.query(`select app_public.acknowledge_alert($1, 'I look at it.')`, [id])
      expect(await t.errorCode('select app_public.acknowledge_alert($1)', [id])).toBe('OB540')
      for (let i = 11; i <= 20; i++) await minuteOf(t, db, start + i * minute, 'slow')
      expect(await told(t, id)).toEqual(['firing', 'firing', 'firing'])
      await t.become(db.acme.admin)
      expect(
        await t.query(
          `select user_id, note from app_public.alert_logs where alert_id = $1 and state = 'acknowledged'`,
          [id],
        ),
      ).toEqual([{ user_id: db.acme.admin.userId, note: 'I look at it.' }])
    }))

  it('waits for the end of the quiet hours, and is nothing when it is over before', () =>
    db.inTransaction(async (t) => {
      await t.becomeSuperuser()
      await t.query(`update app_public.tenants set timezone = 'America/New_York' where id = $1`, [db.acme.id])
      const quiet = { quiet_from: '22:00', quiet_to: '07:00' }
      const short = await createRule(t, db, quiet)
      const long = await createRule(t, db, { ...quiet, window_minutes: 600 })
      const night = Date.parse('2026-06-16T03:00:00Z') // 23:00 in New York
      await minuteOf(t, db, night, 'slow')
      await t.becomeSuperuser()
      expect(
        await t.query('select status, send_at from app_public.alert_notifications where tenant_id = $1', [db.acme.id]),
      ).toEqual(Array(2).fill({ status: 'held', send_at: new Date('2026-06-16T11:00:00Z') }))
      await minuteOf(t, db, night + 5 * minute, 'quick')
      await setClock(t, '2026-06-16T11:00:00Z')
      await t.becomeRole('rowhouse_worker')
      expect(await t.value('select observability.release_notifications()')).toBe(1)
      expect(await t.value('select observability.release_notifications()')).toBe(0)
      expect([await told(t, short), await told(t, long)]).toEqual([[], ['firing']])
    }))

  it('missing data is told only by a rule that asks for it', () =>
    db.inTransaction(async (t) => {
      const silent = await createRule(t, db)
      const asking = await createRule(t, db, { notifies_no_data: true })
      for (let i = 0; i < 3; i++) await minuteOf(t, db, start + i * minute, 'idle')
      expect([await told(t, silent), await told(t, asking)]).toEqual([[], ['no_data']])
    }))

  it('a rule that is switched off ends its incident', () =>
    db.inTransaction(async (t) => {
      const id = await createRule(t, db)
      await minuteOf(t, db, start, 'slow')
      await t.become(db.acme.admin)
      await t.query('update app_public.alerts set is_enabled = false where id = $1', [id])
      expect(await stateOf(t, id)).toBe('ok')
      expect(await evaluate(t, db.acme.id, start + minute)).toBe(0)
      await t.become(db.acme.admin)
      await t.query('update app_public.alerts set is_enabled = true where id = $1', [id])
      await minuteOf(t, db, start + 2 * minute, 'slow')
      expect(await told(t, id)).toEqual(['firing', 'firing'])
    }))

  it('is silenced for at most 30 days', () =>
    db.inTransaction(async (t) => {
      const id = await createRule(t, db)
      await t.become(db.acme.admin)
      await setClock(t, iso(start))
      expect(await t.errorCode('select app_public.silence_alert($1, $2)', [id, iso(start + 31 * 1440 * minute)])).toBe(
        'OB444',
      )
      expect(await t.errorCode('select app_public.silence_alert($1, $2)', [id, iso(start - minute)])).toBe('OB444')
    }))
})

describe('quiet hours', () => {
  it('end at a later time that is not quiet, in any zone, also when the clocks are changed', () =>
    db.inTransaction(async (t) => {
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom('Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'UTC'),
          // around both changes of the clocks of a year
          fc.constantFrom(
            '2026-03-08',
            '2026-03-29',
            '2026-04-05',
            '2026-10-04',
            '2026-10-25',
            '2026-11-01',
            '2026-06-15',
          ),
          fc.integer({ min: -1440, max: 2880 }),
          fc.integer({ min: 0, max: 1439 }),
          fc.integer({ min: 1, max: 1439 }),
          async (zone, day, offset, from, length) => {
            const clock = (minutes: number) => `${Math.floor((minutes % 1440) / 60)}:${minutes % 60}`
            const at = iso(Date.parse(day) + offset * minute)
            const rows = await t.query<{ ends: Date | null; local: string; again: Date | null }>(
              `select q.ends, ($3::timestamptz at time zone $4)::time::text as local, observability.quiet_until($1, $2, q.ends, $4) as again
                 from (select observability.quiet_until($1::time, $2::time, $3, $4) as ends) q`,
              [clock(from), clock(from + length), at, zone],
            )
            const [row] = rows
            const [hours = 0, minutes = 0] = (row?.local ?? '').split(':').map(Number)
            const isQuiet = (hours * 60 + minutes - from + 1440) % 1440 < length
            expect(row?.ends !== null).toBe(isQuiet)
            if (!row?.ends) return
            expect(row.ends.getTime()).toBeGreaterThanOrEqual(Date.parse(at))
            // a day may have an hour more
            expect(row.ends.getTime() - Date.parse(at)).toBeLessThanOrEqual((length + 60) * minute)
          },
        ),
        { numRuns: 300, seed: 16 },
      )
    }))
})

// The model: written from docs/observability.md, without looking at the SQL.

type Step =
  | { kind: 'minutes'; was: 'slow' | 'quick' | 'idle'; minutes: number }
  | { kind: 'acknowledge' }
  | { kind: 'silence'; minutes: number }

class Model {
  open: { acknowledged: boolean; quiet: boolean; toldAt: number | null } | undefined
  holdsSince: number | undefined
  clearSince: number | undefined
  silencedUntil = 0
  isMissing = false
  justOver = false
  told: string[] = []
  readonly forMs: number
  readonly repeatMs: number
  constructor(forMs: number, repeatMs: number) {
    this.forMs = forMs
    this.repeatMs = repeatMs
  }

  get state(): string {
    if (this.isMissing) return 'no_data'
    if (this.open) return this.open.acknowledged ? 'acknowledged' : this.open.quiet ? 'silenced' : 'firing'
    if (this.holdsSince !== undefined) return 'pending'
    return this.justOver ? 'resolved' : 'ok'
  }
  tell(now: number) {
    this.told.push('firing')
    if (this.open) this.open.toldAt = now
  }
  minute(was: string, now: number) {
    const before = this.state
    this.justOver = false
    this.isMissing = was === 'idle'
    if (was === 'idle') {
      this.holdsSince = undefined
      this.clearSince = undefined
      return
    }
    if (was === 'slow') {
      this.clearSince = undefined
      this.holdsSince ??= now
      const isSilenced = this.silencedUntil > now
      if (!this.open && now - this.holdsSince >= this.forMs) {
        this.open = { acknowledged: false, quiet: isSilenced, toldAt: null }
        if (!isSilenced) this.tell(now)
      } else if (this.open && !this.open.acknowledged) {
        const wasQuiet = this.open.quiet
        this.open.quiet = isSilenced
        if (wasQuiet && !isSilenced) this.tell(now)
      }
    } else {
      this.holdsSince = undefined
      if (this.open) {
        this.clearSince ??= now
        if (now - this.clearSince >= this.forMs) {
          if (this.open.toldAt !== null) this.told.push('resolved')
          this.open = undefined
          this.clearSince = undefined
          this.justOver = true
        }
      }
    }
    const isDue = this.open?.toldAt != null && now - this.open.toldAt >= this.repeatMs
    if (before === 'firing' && this.state === 'firing' && isDue) this.tell(now)
  }
}

describe('the states', () => {
  it('are those of the model after any series of measurements, acknowledgements and silences, and so is what was told', async () => {
    const step: fc.Arbitrary<Step> = fc.oneof(
      {
        weight: 8,
        arbitrary: fc.record({
          kind: fc.constant('minutes' as const),
          was: fc.constantFrom('slow', 'slow', 'quick', 'idle'),
          minutes: fc.integer({ min: 1, max: 4 }),
        }),
      },
      { weight: 1, arbitrary: fc.constant({ kind: 'acknowledge' as const }) },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant('silence' as const), minutes: fc.integer({ min: 0, max: 8 }) }),
      },
    ) as fc.Arbitrary<Step>
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 25 }),
        fc.constantFrom(0, 2, 3),
        async (steps, forMinutes) =>
          db.inTransaction(async (t) => {
            const model = new Model(forMinutes * minute, 6 * minute)
            const id = await createRule(t, db, { for_minutes: forMinutes, repeat_minutes: 6 })
            let now = start
            for (const one of steps) {
              await setClock(t, iso(now))
              if (one.kind === 'minutes') {
                now += one.minutes * minute
                await minuteOf(t, db, now, one.was)
                model.minute(one.was, now)
              } else if (one.kind === 'acknowledge') {
                await t.become(db.acme.admin)
                const code = await t.errorCode('select app_public.acknowledge_alert($1)', [id])
                const isFiring = ['firing', 'silenced'].includes(model.state)
                expect(code).toBe(isFiring ? undefined : 'OB540')
                if (isFiring && model.open) model.open.acknowledged = true
              } else {
                await t.become(db.acme.admin)
                const until = now + one.minutes * minute
                await t.query('select app_public.silence_alert($1, $2)', [id, one.minutes ? iso(until) : null])
                model.silencedUntil = one.minutes ? until : 0
                if (one.minutes && model.state === 'firing' && model.open) model.open.quiet = true
              }
              expect(await stateOf(t, id)).toBe(model.state)
              // a second worker in the same minute changes nothing
              if (one.kind === 'minutes') expect(await evaluate(t, db.acme.id, now)).toBe(0)
            }
            expect(await told(t, id)).toEqual(model.told)
          }),
      ),
      { numRuns: 60, seed: 16 },
    )
  })
})

describe('built-in rules', () => {
  it('appear in a tenant when they have something to say, and fire', () =>
    db.inTransaction(async (t) => {
      const add = async () => {
        await t.becomeRole('rowhouse_worker')
        return t.value('select observability.add_builtin_alerts()')
      }
      await add()
      await t.becomeSuperuser()
      expect(await t.value('select count(*)::int from app_public.alerts where tenant_id = $1', [db.acme.id])).toBe(0)
      await t.query(
        `insert into metering.llm_calls (tenant_id, occurred_at, model, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, batch_id)
         values ($1, now(), 'unknown', 1, 0, 1, 0, 1)`,
        [db.acme.id],
      )
      expect(await add()).toBe(1)
      expect(await add()).toBe(0)
      await evaluate(t, db.acme.id, Date.now() + 1000)
      await t.become(db.acme.admin)
      expect(await t.query('select builtin, (app_public.alerts_status(a)).state from app_public.alerts a')).toEqual([
        { builtin: 'unpriced_calls', state: 'firing' },
      ])
      // it is switched off, not deleted
      await t.query('delete from app_public.alerts')
      await t.query('update app_public.alerts set is_enabled = false')
      expect(await add()).toBe(0)
    }))

  it('of the platform watch jobs, views, providers, prices, checks and the audit', () =>
    db.inTransaction(async (t) => {
      await t.becomeRole('rowhouse_worker')
      await t.query('select observability.add_builtin_alerts()')
      await t.becomeSuperuser()
      const rows = await t.query<{ builtin: string }>(
        'select builtin from app_public.alerts where tenant_id = $1 order by 1',
        [db.platform.id],
      )
      expect(rows.map(({ builtin }) => builtin)).toEqual([
        ...[
          'audit_unverified',
          'checks_failing',
          'jobs_failed',
          'models_unpriced',
          'providers_failing',
          'queue_stands_still',
          'views_stale',
        ],
      ])
      await t.query(
        `update observability.materialized_views set created_at = now() - interval '1 day', refreshed_at = now() - interval '1 day'`,
      )
      await t.query(`insert into observability.audit_checks values ($1, 2, now())`, [db.acme.id])
      await t.query(
        `insert into app_public.health_checks (part, name, status, message) values ('mail', 'mail_server', 'failing', 'away')`,
      )
      await evaluate(t, db.platform.id, Date.now() + 1000)
      await t.becomeSuperuser()
      const firing = await t.query<{ builtin: string }>(
        `select a.builtin from observability.alert_states s join app_public.alerts a on a.id = s.alert_id where s.state = 'firing' order by 1`,
      )
      expect(firing.map(({ builtin }) => builtin)).toEqual(['audit_unverified', 'checks_failing', 'views_stale'])
    }))
})
