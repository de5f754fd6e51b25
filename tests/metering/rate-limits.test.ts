// Rate limits: windows that slide, all limits at once or none, and who may set them.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Person, type Transaction, useDatabase } from '../helpers/index.ts'

const db = useDatabase()
const start = Date.parse('2026-02-10T12:00:00Z')
const at = (t: Transaction, seconds: number) =>
  t.query(`select set_config('rowhouse.clock', $1, true)`, [new Date(start + seconds * 1000).toISOString()])

async function limit(t: Transaction, columns: Record<string, unknown>, tenantId = db.acme.id): Promise<string> {
  await t.becomeSuperuser()
  const values = { tenant_id: tenantId, source: 'plan', ...columns }
  return t.value(
    `insert into app_public.rate_limit_config (${Object.keys(values)}) values (${Object.keys(values).map((_, i) => `$${i + 1}`)}) returning id`,
    Object.values(values),
  )
}

type Decision = {
  is_allowed: boolean
  action: string | null
  is_warning: boolean
  limit_scope: string | null
  limit_type: string | null
  window_seconds: number | null
  remaining: number | null
  retry_after_ms: string | null
}
type Use = { requests?: number; tokens?: number; cost?: number; agent?: string; user?: string; tenant?: string }

/** As the server asks: for any tenant and user. */
async function check(t: Transaction, use: Use = {}): Promise<Decision> {
  await t.becomeSuperuser()
  const [row] = await t.query<Decision>('select * from metering.check_rate_limit($1, $2, $3, null, $4, $5, $6)', [
    use.tenant ?? db.acme.id,
    use.user ?? db.acme.member.userId,
    use.agent ?? null,
    use.requests ?? 1,
    use.tokens ?? 0,
    use.cost ?? 0,
  ])
  return row as Decision
}
const allowed = async (t: Transaction, use: Use = {}): Promise<boolean> => (await check(t, use)).is_allowed
/** As a member asks. */
const ask = (t: Transaction, person: Person, ...values: unknown[]) =>
  t
    .become(person)
    .then(() =>
      t.errorCode('select * from app_public.check_rate_limit($1, $2, $3, $4)', [null, 1, 0, 0, ...values].slice(-4)),
    )

describe('without a limit', () => {
  it('everything passes and nothing is written', () =>
    db.inTransaction(async (t) => {
      expect(await check(t)).toMatchObject({ is_allowed: true, action: null, is_warning: false, remaining: null })
      expect(await t.query('select * from app_public.rate_limit_usage')).toEqual([])
    }))
})

describe('a window', () => {
  // the times and amounts of uses, and a limit: answered in one statement, because thousands are asked
  async function decide(t: Transaction, offsets: number[], amounts: number[]) {
    await t.becomeSuperuser()
    await t.query(`
      create or replace function pg_temp.decide(starts timestamptz, offsets bigint[], amounts float8[], tenant uuid)
      returns table (ok boolean, retry_after_ms bigint) language plpgsql as $$
      declare d app_public.rate_limit_decision;
      begin
        for i in 1 .. cardinality(offsets) loop
          perform set_config('rowhouse.clock', (starts + offsets[i] * interval '1 millisecond')::text, true);
          d := metering.check_rate_limit(tenant, requests => amounts[i]);
          ok := d.is_allowed; retry_after_ms := d.retry_after_ms;
          return next;
        end loop;
      end $$`)
    return t.query<{ ok: boolean; retry_after_ms: string | null }>('select * from pg_temp.decide($1, $2, $3, $4)', [
      new Date(start),
      offsets,
      amounts,
      db.acme.id,
    ])
  }
  // bursts, trickles and pauses, many of them just about a window's or a bucket's length
  const gap = fc.oneof(
    fc.constant(0),
    fc.integer({ min: 0, max: 50 }),
    fc.integer({ min: 0, max: 4000 }),
    fc.constantFrom(2999, 3000, 3001, 59_999, 60_000, 60_001, 62_999, 63_000, 200_000),
  )
  const uses = fc.array(fc.tuple(gap, fc.integer({ min: 1, max: 4 })), { minLength: 1, maxLength: 120 })
  const cap = fc.integer({ min: 1, max: 25 })
  const seconds60 = 60_000

  it('never has more than the limit in any span of its length, wherever the span begins', async () => {
    await fc.assert(
      fc.asyncProperty(uses, cap, (drawn, most) =>
        db.inTransaction(async (t) => {
          await limit(t, { per_minute: most })
          let now = 0
          const offsets = drawn.map(([wait]) => (now += wait))
          const amounts = drawn.map(([, amount]) => amount)
          const answers = await decide(t, offsets, amounts)
          const passed = offsets.map((offset, i) => ({ offset, amount: answers[i]?.ok ? (amounts[i] as number) : 0 }))
          const within = (from: number, to: number): number =>
            passed.reduce((sum, { offset, amount }) => sum + (offset >= from && offset <= to ? amount : 0), 0)
          for (const [i, { offset, amount }] of passed.entries()) {
            expect(within(offset - seconds60, offset)).toBeLessThanOrEqual(most)
            // and it refuses only what would pass the limit in a twentieth more than its length
            if (!answers[i]?.ok) {
              const before = passed.slice(0, i).reduce((sum, p) => sum + (p.offset > offset - 63_000 ? p.amount : 0), 0)
              expect(before + (amounts[i] as number)).toBeGreaterThan(most)
            } else expect(amount).toBe(amounts[i])
          }
        }),
      ),
      { numRuns: 60, seed: 429 },
    )
  })

  it('says exactly when a refused use would pass: then, and not a millisecond before', async () => {
    await fc.assert(
      fc.asyncProperty(uses, cap, (drawn, most) =>
        db.inTransaction(async (t) => {
          await limit(t, { per_minute: most })
          let now = 0
          const offsets = drawn.map(([wait]) => (now += wait))
          const amounts = drawn.map(([, amount]) => amount)
          // at the end one that is refused, whatever was before
          const answers = await decide(t, [...offsets, now, now], [...amounts, most, most])
          const retry = answers.at(-1)?.retry_after_ms
          expect(answers.at(-1)?.ok).toBe(false)
          const after = now + Number(retry)
          expect((await decide(t, [after - 1, after], [most, most])).map(({ ok }) => ok)).toEqual([false, true])
        }),
      ),
      { numRuns: 40, seed: 503 },
    )
  })

  it('refuses for ever what is more than the limit itself', () =>
    db.inTransaction(async (t) => {
      await limit(t, { per_minute: 5 })
      expect(await check(t, { requests: 6 })).toMatchObject({ is_allowed: false, retry_after_ms: null, remaining: 5 })
      expect(await allowed(t, { requests: 5 })).toBe(true)
    }))

  it('does not let a limit pass twice about the border of a minute', () =>
    db.inTransaction(async (t) => {
      await limit(t, { per_minute: 10 })
      await at(t, 59.9)
      expect(await allowed(t, { requests: 10 })).toBe(true)
      for (const seconds of [60, 60.1, 75, 119.8]) {
        await at(t, seconds)
        expect(await allowed(t)).toBe(false)
      }
      await at(t, 120)
      expect(await allowed(t, { requests: 10 })).toBe(true)
    }))

  it.each([
    ['per_minute', 60],
    ['per_hour', 3600],
    ['per_day', 86_400],
    ['per_month', 2_592_000],
  ])('%s has %i seconds', (column, seconds) =>
    db.inTransaction(async (t) => {
      await limit(t, { [column]: 1 })
      await at(t, 0)
      expect([await allowed(t), await allowed(t)]).toEqual([true, false])
      await at(t, seconds - 1)
      expect(await allowed(t)).toBe(false)
      await at(t, seconds * 1.05)
      expect(await allowed(t)).toBe(true)
    }),
  )

  it('is not turned back by a clock that goes backwards', () =>
    db.inTransaction(async (t) => {
      await limit(t, { per_minute: 1 })
      await at(t, 100)
      expect(await allowed(t)).toBe(true)
      await at(t, 0)
      expect(await allowed(t)).toBe(false)
      expect(Number((await check(t)).retry_after_ms)).toBeGreaterThan(100_000)
    }))

  it('can be forgotten once everything has left it', () =>
    db.inTransaction(async (t) => {
      await limit(t, { per_minute: 1 })
      await at(t, 0)
      await check(t)
      await t.becomeRole('rowhouse_worker')
      await at(t, 60)
      expect(await t.value('select metering.forget_rate_windows()')).toBe(0)
      await at(t, 64)
      expect(await t.value('select metering.forget_rate_windows()')).toBe(1)
    }))
})

describe('several limits', () => {
  it('decide together: what one refuses, none of them counts', () =>
    db.inTransaction(async (t) => {
      await at(t, 0)
      await limit(t, { per_minute: 10 })
      await limit(t, { limit_scope: 'user', per_minute: 3, per_hour: 4 })
      await limit(t, { limit_type: 'tokens', per_minute: 1000 })
      for (let i = 0; i < 3; i += 1) expect(await allowed(t)).toBe(true)
      expect(await check(t)).toMatchObject({ is_allowed: false, limit_scope: 'user', window_seconds: 60 })
      // another user has their own
      const admin = db.acme.admin.userId
      expect(await check(t, { user: admin, requests: 2, tokens: 1001 })).toMatchObject({
        is_allowed: false,
        limit_type: 'tokens',
      })
      expect(await check(t, { user: admin, requests: 1, tokens: 1000 })).toMatchObject({
        is_allowed: true,
        limit_type: 'tokens',
      })
      expect(
        await t.query(
          `select c.limit_scope, c.limit_type, u.window_seconds as seconds, u.usage_count as used, u.scope_id = $1 as is_admins
             from app_public.rate_limit_usage u join app_public.rate_limit_config c on c.id = u.config_id where usage_count > 0 order by 1, 2, 3, 4`,
          [admin],
        ),
      ).toEqual([
        { limit_scope: 'tenant', limit_type: 'requests', seconds: 60, used: 4, is_admins: false },
        { limit_scope: 'tenant', limit_type: 'tokens', seconds: 60, used: 1000, is_admins: false },
        { limit_scope: 'user', limit_type: 'requests', seconds: 60, used: 1, is_admins: true },
        { limit_scope: 'user', limit_type: 'requests', seconds: 60, used: 3, is_admins: false },
        { limit_scope: 'user', limit_type: 'requests', seconds: 3600, used: 1, is_admins: true },
        { limit_scope: 'user', limit_type: 'requests', seconds: 3600, used: 3, is_admins: false },
      ])
    }))

  it('agree with counting by hand, whoever asks and how much', async () => {
    const users = [db.acme.member.userId, db.acme.admin.userId]
    const rules = [
      { limit_scope: 'tenant', limit_type: 'requests', per_minute: 12 },
      { limit_scope: 'user', limit_type: 'requests', per_minute: 8 },
      { limit_scope: 'tenant', limit_type: 'tokens', per_minute: 40 },
    ]
    const step = fc.record({
      wait: fc.constantFrom(0, 1, 7, 29, 61),
      user: fc.nat({ max: 1 }),
      requests: fc.integer({ min: 0, max: 3 }),
      tokens: fc.integer({ min: 0, max: 15 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), (steps) =>
        db.inTransaction(async (t) => {
          for (const rule of rules) await limit(t, rule)
          let now = 0
          const passed: { bucket: number; user: number; requests: number; tokens: number }[] = []
          for (const { wait, user, requests, tokens } of steps) {
            now += wait
            await at(t, now)
            const bucket = Math.floor((start / 1000 + now) / 3)
            const recent = passed.filter((p) => p.bucket >= bucket - 20)
            const sum = (of: 'requests' | 'tokens', mine = false): number =>
              recent.reduce((total, p) => total + (mine && p.user !== user ? 0 : p[of]), 0)
            const fits =
              (requests === 0 || (sum('requests') + requests <= 12 && sum('requests', true) + requests <= 8)) &&
              (tokens === 0 || sum('tokens') + tokens <= 40)
            const isQuestion = requests === 0 && tokens === 0
            const { is_allowed } = await check(t, { user: users[user] as string, requests, tokens })
            if (!isQuestion) expect(is_allowed).toBe(fits)
            if (fits) passed.push({ bucket, user, requests, tokens })
          }
        }),
      ),
      { numRuns: 20, seed: 7 },
    )
  })

  it('of which one names a user replace for that one the limit of each', () =>
    db.inTransaction(async (t) => {
      const { admin } = db.acme
      await limit(t, { limit_scope: 'user', per_minute: 2 })
      await limit(t, { limit_scope: 'user', scope_id: admin.userId, per_minute: 4 })
      expect([await allowed(t, { requests: 3 }), await allowed(t, { user: admin.userId, requests: 3 })]).toEqual([
        false,
        true,
      ])
    }))

  it('of which one is of staff replace the plan’s', () =>
    db.inTransaction(async (t) => {
      await limit(t, { limit_scope: 'user', per_minute: 2 })
      expect(await allowed(t, { requests: 3 })).toBe(false)
      await limit(t, { limit_scope: 'user', per_minute: 9, source: 'override' })
      expect(await allowed(t, { requests: 3 })).toBe(true)
    }))

  it('of which one is the tenant’s own all hold', () =>
    db.inTransaction(async (t) => {
      await limit(t, { limit_scope: 'user', per_minute: 9, source: 'override' })
      await limit(t, { limit_scope: 'user', scope_id: db.acme.member.userId, per_minute: 4, source: 'own' })
      expect([await allowed(t, { requests: 4 }), await allowed(t, { requests: 5 })]).toEqual([true, false])
    }))

  it('of the platform hold for every tenant that has none of its plan, old or new', () =>
    db.inTransaction(async (t) => {
      await limit(t, { per_minute: 5, is_default: true }, db.platform.id)
      await limit(t, { per_minute: 7 }, db.globex.id)
      await limit(t, { per_minute: 100, source: 'own' })
      const fresh = await t.value<string>(`select id from tenancy.provision_tenant('fresh', 'Fresh', 'o@fresh.test')`)
      for (const tenant of [db.acme.id, fresh]) {
        expect([await allowed(t, { tenant, requests: 6 }), await allowed(t, { tenant, requests: 5 })]).toEqual([
          false,
          true,
        ])
      }
      expect(await allowed(t, { tenant: db.globex.id, requests: 7 })).toBe(true)
      await t.query('update app_public.rate_limit_config set per_minute = 50 where is_default')
      expect(await allowed(t, { tenant: fresh, requests: 45 })).toBe(true)
      await t.query('delete from app_public.rate_limit_config where is_default')
      expect(await allowed(t, { tenant: fresh, requests: 1000 })).toBe(true)
      await expect(limit(t, { per_minute: 5, is_default: true })).rejects.toMatchObject({ code: 'RL401' })
    }))
})

describe('beyond a limit', () => {
  const beyond = (action: string, work: (t: Transaction, decision: Decision) => Promise<void>) =>
    db.inTransaction(async (t) => {
      await at(t, 0)
      await limit(t, { per_minute: 2, on_limit_action: action })
      await check(t, { requests: 2 })
      await work(t, await check(t))
    })

  it('block refuses, and stops a caller that does not look at the answer', () =>
    beyond('block', async (t, decision) => {
      expect(decision).toMatchObject({ is_allowed: false, action: 'block' })
      expect(await ask(t, db.acme.member)).toBe('RL601')
    }))

  it('queue refuses and says when to try again', () =>
    beyond('queue', async (t, decision) => {
      expect(decision).toMatchObject({ is_allowed: false, action: 'queue', retry_after_ms: '63000' })
      expect(await ask(t, db.acme.member)).toBeUndefined()
    }))

  it('throttle lets pass, counts, and says how long to wait', () =>
    beyond('throttle', async (_, decision) => {
      expect(decision).toMatchObject({ is_allowed: true, action: 'throttle', retry_after_ms: '63000', remaining: 0 })
    }))

  it('warn lets pass and counts', () =>
    beyond('warn', async (t, decision) => {
      expect(decision).toMatchObject({ is_allowed: true, action: 'warn', is_warning: true })
      expect(await t.value('select usage_count from app_public.rate_limit_usage')).toBe(3)
      expect(await t.value('select is_exceeded and exceeded_at is not null from app_public.rate_limit_usage')).toBe(
        true,
      )
    }))

  it('a warning comes before, from the threshold on', () =>
    db.inTransaction(async (t) => {
      await limit(t, { per_minute: 10, warning_threshold_percent: 50 })
      expect([(await check(t, { requests: 4 })).is_warning, (await check(t)).is_warning]).toEqual([false, true])
    }))
})

describe('costs', () => {
  it('are limited in cents and given in dollars', () =>
    db.inTransaction(async (t) => {
      await limit(t, { limit_type: 'cost', per_hour: 50 })
      expect(await allowed(t, { requests: 0, cost: 0.499 })).toBe(true)
      expect(await allowed(t, { requests: 0, cost: 0.01 })).toBe(false)
    }))
})

describe('people and programs of a tenant', () => {
  /** An agent of the member, which may be asked for once a minute. */
  const limitedAgent = async (t: Transaction): Promise<string> => {
    await limit(t, { limit_scope: 'agent', per_minute: 1 })
    await t.become(db.acme.member)
    return t.value<string>('insert into app_public.agents (name) values ($1) returning id', ['a'])
  }

  it('ask for themselves and their agents, and for nobody else', () =>
    db.inTransaction(async (t) => {
      const agent = await limitedAgent(t)
      expect(await ask(t, db.acme.member, agent, 1, 0, 0)).toBeUndefined()
      expect(await ask(t, db.acme.member, agent, 1, 0, 0)).toBe('RL601')
      expect(await ask(t, db.globex.member, agent, 1, 0, 0)).toBe('MT301')
      expect(await ask(t, db.acme.viewer)).toBe('ID202')
    }))

  it('use nothing when they ask for nothing', () =>
    db.inTransaction(async (t) => {
      const agent = await limitedAgent(t)
      expect(await ask(t, db.acme.member, agent, 0, 0, 0)).toBeUndefined()
      expect(await ask(t, db.acme.member, agent, 1, 0, 0)).toBeUndefined()
      expect(await ask(t, db.acme.member, agent, 0, 0, 0)).toBeUndefined()
      expect(await ask(t, db.acme.member, agent, 1, 0, 0)).toBe('RL601')
    }))

  it.each([
    [-1, 0, 0],
    [1, -1, 0],
    [1, 0, 'NaN'],
    [1, 0, 'Infinity'],
    [null, 0, 0],
  ])('are refused %s requests, %s tokens, %s dollars', (...amounts) =>
    db.inTransaction(async (t) => {
      expect(await ask(t, db.acme.member, null, ...amounts)).toBe('RL402')
    }),
  )

  it('set the tenant’s own limits when they may manage settings, and none it was sold', () =>
    db.inTransaction(async (t) => {
      const own = `insert into app_public.rate_limit_config (per_minute, source, is_default) values (5, $1, $2)`
      await limit(t, { per_minute: 5 })
      await t.become(db.acme.member)
      expect(await t.errorCode(own, ['own', false])).toBe('42501')
      await t.become(db.acme.admin)
      expect([
        await t.errorCode(own, ['plan', false]),
        await t.errorCode(own, ['override', false]),
        await t.errorCode(own, ['own', true]),
        await t.errorCode(own, ['own', false]),
      ]).toEqual(['42501', '42501', 'RL401', undefined])
      expect(
        await t.query(
          `update app_public.rate_limit_config set per_minute = 1e6 where source = 'plan' returning 1 as one`,
        ),
      ).toEqual([])
      await t.become(db.globex.owner)
      expect(await t.query('select * from app_public.rate_limit_config')).toEqual([])
    }))

  it.each([
    ['no window', '{}'],
    ['zero', '{"per_minute": 0}'],
    ['an unknown scope', '{"per_minute": 1, "limit_scope": "planet"}'],
    ['an unknown type', '{"per_minute": 1, "limit_type": "spoons"}'],
    ['an unknown action', '{"per_minute": 1, "on_limit_action": "shrug"}'],
    ['a threshold above 100', '{"per_minute": 1, "warning_threshold_percent": 101}'],
  ])('are refused a limit with %s', (_, columns) =>
    db.inTransaction(async (t) => {
      await expect(limit(t, JSON.parse(columns))).rejects.toMatchObject({ code: '23514' })
    }),
  )

  it('name only users and agents of the tenant', () =>
    db.inTransaction(async (t) => {
      await expect(
        limit(t, { limit_scope: 'user', scope_id: db.globex.member.userId, per_minute: 1 }),
      ).rejects.toMatchObject({ code: 'MT301' })
    }))
})

describe('an update of a window', () => {
  it('is heap-only: no index is written', async () => {
    const { rows } = await db.pool.query(
      `select c.relpersistence = 'u' as is_unlogged,
              not exists (select from pg_index i, unnest(i.indkey) k join pg_attribute a on a.attnum = k and a.attrelid = 'app_public.rate_limit_usage'::regclass
                           where i.indrelid = c.oid and a.attname in ('usage_count', 'past_count', 'past_buckets', 'window_start', 'window_end', 'is_exceeded', 'exceeded_at', 'updated_at')) as indexes_are_constant,
              not exists (select from pg_trigger g where g.tgrelid = c.oid and not g.tgisinternal) as has_no_trigger
         from pg_class c where c.oid = 'app_public.rate_limit_usage'::regclass`,
    )
    expect(rows).toEqual([{ is_unlogged: true, indexes_are_constant: true, has_no_trigger: true }])
  })
})

describe('a limit that is deleted and set again', () => {
  it.each([
    ['as it was', {}],
    ['with another action', { on_limit_action: 'queue' }],
    ['higher', { per_minute: 4 }],
  ])('%s goes on with its windows', (_how, change) =>
    db.inTransaction(async (t) => {
      await at(t, 0)
      await limit(t, { per_minute: 3, source: 'own' })
      for (let i = 0; i < 3; i++) expect(await allowed(t)).toBe(true)
      await t.become(db.acme.admin)
      await t.query('delete from app_public.rate_limit_config')
      await limit(t, { per_minute: 3, source: 'own', ...change })
      const room = 'per_minute' in change ? 1 : 0
      for (let i = 0; i < room; i++) expect(await allowed(t)).toBe(true)
      expect(await allowed(t)).toBe(false)
    }),
  )

  it('first as a warning and then as a block goes on with its windows', () =>
    db.inTransaction(async (t) => {
      await at(t, 0)
      await limit(t, { per_minute: 3, source: 'own' })
      for (let i = 0; i < 3; i++) expect(await allowed(t)).toBe(true)
      await t.become(db.acme.admin)
      await t.query('delete from app_public.rate_limit_config')
      await limit(t, { per_minute: 3, source: 'own', on_limit_action: 'warn' })
      await t.query(`update app_public.rate_limit_config set on_limit_action = 'block'`)
      expect(await allowed(t)).toBe(false)
    }))

  it('stands beside one that differs in being hard', () =>
    db.inTransaction(async (t) => {
      const ids = [await limit(t, { per_minute: 3 }), await limit(t, { per_minute: 3, on_limit_action: 'warn' })]
      expect(new Set(ids).size).toBe(2)
    }))

  it('is one limit of many tenants, each with windows of its own', () =>
    db.inTransaction(async (t) => {
      expect(await limit(t, { per_minute: 3 })).not.toBe(await limit(t, { per_minute: 3 }, db.globex.id))
    }))
})
