// What a tenant was sold, what it is shown and what is enforced are the same, whatever staff, customers and the clock do. Random
// lives of five tenants, two at the top and three that move, beside a model that knows only the rules of docs/billing.md.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { addPlan, asStaff, payByInvoice, runBilling } from './helpers.ts'

const db = useDatabase()

/** A limit that is set: null is unlimited. A limit that nobody set is undefined. */
type Limit = number | null
type Grants = { agents?: number; tokens?: { most: number; overage: boolean }; whiteLabel?: boolean }
type Member = {
  id: string
  parent: string | undefined
  plan: string | undefined
  hasPaused: boolean
  /** whether its add-on runs */
  hasExtra: boolean
  overrides: Grants
  /** tenants.quotas and tenants.features, which staff set */
  setting: { agents?: Limit; whiteLabel?: boolean }
  /** the row of usage_quotas with the source override */
  exception?: Limit
}
type Model = { plans: Record<string, Grants>; tenants: Record<string, Member> }

const slugs = ['acme', 'globex', 'a', 'b', 'c'] as const
const plans = ['free', 'small', 'large'] as const
/** an add-on to whatever plan the tenant has */
const addOn = 'extra'
const tenant = fc.constantFrom(...slugs)
/** Mostly one that can have a subscription. */
const payer = fc.constantFrom('acme', 'globex', 'acme', 'globex', 'acme', 'globex', 'a')
const plan = fc.constantFrom(...plans)
const amount = fc.integer({ min: 0, max: 6 })
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })
const grants = fc.record({
  agents: maybe(amount),
  tokens: maybe(fc.record({ most: amount, overage: fc.boolean() })),
  whiteLabel: maybe(fc.boolean()),
})

type Action =
  | { do: 'plan'; plan: string; grants: Grants; how: 'rewrite' | 'edit' }
  | { do: 'override'; tenant: string; grants: Grants }
  | { do: 'setting'; tenant: string; agents: Limit | undefined; whiteLabel: boolean | undefined; bySql: boolean }
  | { do: 'exception'; tenant: string; most: Limit | undefined }
  | { do: 'start' | 'change'; tenant: string; plan: string }
  | { do: 'add' | 'endAddOn' | 'pauseAddOn' | 'resumeAddOn'; tenant: string }
  | { do: 'cancel' | 'pause' | 'resume'; tenant: string }
  | { do: 'move'; tenant: string; to: string | undefined }
  | { do: 'months'; number: number }

const action: fc.Arbitrary<Action> = fc.oneof(
  fc.record({
    do: fc.constant('plan'),
    plan: fc.constantFrom(...plans, addOn),
    grants,
    how: fc.constantFrom('rewrite', 'edit'),
  }),
  fc.record({ do: fc.constant('override'), tenant, grants }),
  fc.record({
    do: fc.constant('setting'),
    tenant,
    agents: maybe(fc.option(amount)),
    whiteLabel: maybe(fc.boolean()),
    bySql: fc.boolean(),
  }),
  fc.record({ do: fc.constant('exception'), tenant, most: maybe(fc.option(amount)) }),
  fc.record({ do: fc.constantFrom('start', 'start', 'change'), tenant: payer, plan }),
  fc.record({ do: fc.constantFrom('cancel', 'pause', 'resume'), tenant: payer }),
  fc.record({ do: fc.constantFrom('add', 'add', 'endAddOn', 'pauseAddOn', 'resumeAddOn'), tenant: payer }),
  fc.record({ do: fc.constant('move'), tenant, to: maybe(tenant) }),
  fc.record({ do: fc.constant('months'), number: fc.integer({ min: 1, max: 3 }) }),
) as fc.Arbitrary<Action>

type Entry = [kind: string, key: string, isEnabled: boolean | null, most: number | null, overage: boolean]
const entries = ({ agents, tokens, whiteLabel }: Grants): Entry[] => {
  const list: Entry[] = []
  if (agents !== undefined) list.push(['quota', 'agents', null, agents, false])
  if (tokens) list.push(['quota', 'tokens', null, tokens.most, tokens.overage])
  if (whiteLabel !== undefined) list.push(['feature', 'white_label', whiteLabel, null, false])
  return list
}

// The model ---------------------------------------------------------------------------------------------------------

function above({ tenants }: Model, slug: string): Member[] {
  const chain: Member[] = []
  for (let at: string | undefined = slug; at; at = tenants[at]?.parent) chain.push(tenants[at] as Member)
  return chain
}

/** Limits add up, a feature is on when one has it; what the base leaves open stays open, and it alone allows overage. */
const together = (base: Grants, extra: Grants): Grants => ({
  ...base,
  ...(base.agents !== undefined && { agents: base.agents + (extra.agents ?? 0) }),
  ...(base.tokens && { tokens: { ...base.tokens, most: base.tokens.most + (extra.tokens?.most ?? 0) } }),
  ...(extra.whiteLabel !== undefined && { whiteLabel: extra.whiteLabel || (base.whiteLabel ?? false) }),
})

function sold({ plans: offer }: Model, member: Member): Grants {
  const isRunning = member.plan !== undefined && !member.hasPaused
  const base = member.parent ? {} : (offer[(isRunning && member.plan) || 'free'] ?? {})
  const planned = isRunning && member.hasExtra ? together(base, offer[addOn] ?? {}) : base
  const given = Object.entries(member.overrides).filter(([, value]) => value !== undefined)
  return { ...planned, ...Object.fromEntries(given) }
}

const strictest = (limits: (Limit | undefined)[]): Limit | undefined => {
  const set = limits.filter((limit) => limit !== undefined)
  const numbers = set.filter((limit) => limit !== null)
  return numbers.length > 0 ? Math.min(...numbers) : set.length > 0 ? null : undefined
}

function expectedOf(model: Model, slug: string) {
  const chain = above(model, slug)
  const agents = strictest(
    chain.map((member) => {
      if (member.exception !== undefined) return member.exception
      return member.setting.agents !== undefined ? member.setting.agents : sold(model, member).agents
    }),
  )
  const tokens = chain.flatMap((member) => sold(model, member).tokens ?? []).sort((x, y) => x.most - y.most)
  const hard = strictest(tokens.filter(({ overage }) => !overage).map(({ most }) => most))
  const feature = chain
    .map((member) => member.setting.whiteLabel ?? sold(model, member).whiteLabel)
    .find((value) => value !== undefined)
  return { agents, tokens: strictest(tokens.map(({ most }) => most)), hardTokens: hard ?? null, whiteLabel: feature }
}

// The database -------------------------------------------------------------------------------------------------------

type World = { t: Transaction; model: Model; now: Date; planIds: Record<string, string> }

async function begin(t: Transaction): Promise<World> {
  const now = new Date('2025-04-01T12:00Z')
  await setClock(t, now.toISOString())
  await t.becomeSuperuser()
  const planIds: Record<string, string> = {}
  for (const [i, slug] of plans.entries()) {
    await addPlan(t, { slug, tier: ['free', 'standard', 'professional'][i] as string, amount: i * 10 })
    planIds[slug] = await t.value('select id from app_public.plans where slug = $1', [slug])
  }
  await addPlan(t, { slug: addOn, amount: 5, isAddOn: true })
  planIds[addOn] = await t.value('select id from app_public.plans where slug = $1', [addOn])
  const model: Model = { plans: { extra: {}, free: {}, small: {}, large: {} }, tenants: {} }
  const add = (slug: string, id: string, parent?: string): void => {
    model.tenants[slug] = { id, parent, plan: undefined, hasPaused: false, hasExtra: false, overrides: {}, setting: {} }
  }
  add('acme', db.acme.id)
  add('globex', db.globex.id)
  for (const [slug, parent] of [
    ['a', 'acme'],
    ['b', 'a'],
    ['c', 'globex'],
  ] as const) {
    const id = await t.value<string>(
      `insert into app_public.tenants (slug, name, parent_tenant_id) values ($1, $1, $2) returning id`,
      [slug, model.tenants[parent]?.id],
    )
    await t.query(`insert into app_public.user_tenants (tenant_id, user_id, role) values ($1, $2, 'owner')`, [
      id,
      db.acme.owner.userId,
    ])
    add(slug, id, parent)
  }
  await t.query(`select tenancy.provision_member($1, $2, null, 'owner')`, [db.globex.id, db.acme.owner.email])
  for (const { id } of Object.values(model.tenants)) await payByInvoice(t, id)
  return { t, model, now, planIds }
}

async function setPlan({ t, planIds, model }: World, slug: string, granted: Grants, how: string): Promise<void> {
  await t.becomeSuperuser()
  const rows = entries(granted)
  if (how === 'rewrite') await t.query('delete from app_public.plan_entitlements where plan_id = $1', [planIds[slug]])
  else
    await t.query(`delete from app_public.plan_entitlements where plan_id = $1 and key <> all ($2)`, [
      planIds[slug],
      rows.map(([, key]) => key),
    ])
  for (const row of rows)
    await t.query(
      `insert into app_public.plan_entitlements (plan_id, kind, key, is_enabled, quota_limit, overage_allowed)
       values ($1, $2::app_public.entitlement_kind_enum, $3, $4, $5, $6)
       on conflict (plan_id, kind, key) do update
          set is_enabled = excluded.is_enabled, quota_limit = excluded.quota_limit, overage_allowed = excluded.overage_allowed`,
      [planIds[slug], ...row],
    )
  model.plans[slug] = granted
}

async function setOverrides({ t }: World, member: Member, granted: Grants): Promise<void> {
  await asStaff(t, db, member.id)
  for (const [kind, key] of entries(member.overrides))
    await t.query('select app_public.remove_entitlement_override($1::app_public.entitlement_kind_enum, $2)', [
      kind,
      key,
    ])
  for (const row of entries(granted))
    await t.query(
      'select app_public.override_entitlement($1::app_public.entitlement_kind_enum, $2, $3, $4, $5)',
      row as unknown[],
    )
  member.overrides = granted
}

async function setSetting({ t }: World, member: Member, wanted: Action & { do: 'setting' }): Promise<void> {
  const features = wanted.whiteLabel === undefined ? {} : { white_label: wanted.whiteLabel }
  // over the API null takes a key away, so only SQL can say "unlimited"
  const quotas = wanted.agents === undefined ? {} : { max_agents: wanted.agents }
  if (wanted.bySql || wanted.agents === null) {
    await t.becomeSuperuser()
    await t.query('update app_public.tenants set quotas = $2, features = $3 where id = $1', [
      member.id,
      JSON.stringify(quotas),
      JSON.stringify(features),
    ])
  } else {
    await asStaff(t, db, member.id)
    await t.query('select app_public.set_tenant_entitlements($1, $2)', [
      JSON.stringify({ white_label: null, ...features }),
      JSON.stringify({ max_agents: null, ...quotas }),
    ])
  }
  member.setting = {
    ...(wanted.agents === undefined ? {} : { agents: wanted.agents }),
    ...(wanted.whiteLabel === undefined ? {} : { whiteLabel: wanted.whiteLabel }),
  }
}

async function setException({ t }: World, member: Member, most: Limit | undefined): Promise<void> {
  await asStaff(t, db, member.id)
  await t.query(`delete from app_public.usage_quotas where source = 'override'`)
  delete member.exception
  if (most === undefined) return
  await t.query(
    `insert into app_public.usage_quotas (quota_type, period, quota_limit, source) values ('agents', 'none', $1, 'override')`,
    [most],
  )
  member.exception = most
}

async function subscribe({ t }: World, member: Member, step: Action): Promise<void> {
  await t.become({ ...db.acme.owner, tenantId: member.id })
  const call = {
    start: `select app_public.start_subscription($1, 'monthly', true)`,
    change: 'select app_public.change_plan($1)',
    cancel: 'select app_public.cancel_subscription(false)',
    pause: 'select app_public.pause_subscription()',
    resume: 'select app_public.resume_subscription()',
    add: `select app_public.start_subscription('${addOn}')`,
    endAddOn: `select app_public.cancel_subscription(false, '${addOn}')`,
    pauseAddOn: `select app_public.pause_subscription('${addOn}')`,
    resumeAddOn: `select app_public.resume_subscription('${addOn}')`,
  }[step.do as 'start']
  const code = await t.errorCode(call, 'plan' in step ? [step.plan] : [])
  // a refused step changes nothing; a change to a lower plan waits for the end of the period
  if (code) return void expect(code).toMatch(/^LB\d{3}$/)
  await learn(t, member)
}

async function learn(t: Transaction, member: Member): Promise<void> {
  const live = await t.query<{ slug: string; status: string }>(
    `select p.slug, s.status::text from app_public.subscriptions s join app_public.plans p on p.id = s.plan_id
      where s.tenant_id = $1 and s.ended_at is null`,
    [member.id],
  )
  const base = live.find(({ slug }) => slug !== addOn)
  member.plan = base?.slug
  member.hasPaused = base?.status === 'paused'
  member.hasExtra = live.some(({ slug, status }) => slug === addOn && status !== 'paused')
}

async function move({ t, model }: World, slug: string, to: string | undefined): Promise<void> {
  const member = model.tenants[slug] as Member
  await t.become({ ...db.platform.owner, tenantId: member.id }, 'rowhouse_admin')
  const target = to ? model.tenants[to] : undefined
  const code = await t.errorCode('select app_public.move_tenant($1, $2)', [member.id, target?.id ?? null])
  const isCircle = to !== undefined && above(model, to).includes(member)
  if (isCircle) expect(code).toBe('TN503')
  else if (to !== undefined && to !== member.parent && member.plan) expect(code).toBe('LB526')
  else {
    expect(code).toBeUndefined()
    member.parent = to
  }
}

async function renew(world: World, months: number): Promise<void> {
  world.now.setUTCMonth(world.now.getUTCMonth() + months)
  for (const member of Object.values(world.model.tenants)) {
    await runBilling(world.t, member.id, world.now.toISOString())
    await world.t.becomeSuperuser()
    await learn(world.t, member)
  }
}

async function act(world: World, step: Action): Promise<void> {
  const member = 'tenant' in step ? (world.model.tenants[step.tenant] as Member) : undefined
  if (step.do === 'plan') return setPlan(world, step.plan, step.grants, step.how)
  if (step.do === 'months') return renew(world, step.number)
  if (!member) return
  if (step.do === 'override') return setOverrides(world, member, step.grants)
  if (step.do === 'setting') return setSetting(world, member, step)
  if (step.do === 'exception') return setException(world, member, step.most)
  if (step.do === 'move') return move(world, step.tenant, step.to)
  return subscribe(world, member, step)
}

/** What is shown in two places and what happens: as many agents as the limit says, and not one more. */
async function observe({ t, model }: World, slug: string) {
  const { id } = model.tenants[slug] as Member
  await t.become({ ...db.acme.owner, tenantId: id })
  const shown = await t.query<{ key: string; is_enabled: boolean | null; quota_limit: string | null }>(
    `select key, is_enabled, quota_limit::text from app_public.entitlements()`,
  )
  const mine = await t.query<{ type: string; most: string; hard: string | null }>(
    `select quota_type as type, min(quota_limit)::text as most, min(hard_limit)::text as hard from app_public.my_quotas() group by 1`,
  )
  const of = (key: string): Limit | undefined => {
    const row = shown.find((entry) => entry.key === key)
    return row && (row.quota_limit === null ? null : Number(row.quota_limit))
  }
  const quota = (type: string) => mine.find((row) => row.type === type)
  const number = (text: string | null | undefined): Limit => (text == null ? null : Number(text))
  return {
    entitlements: {
      agents: of('agents'),
      tokens: of('tokens'),
      whiteLabel: shown.find((e) => e.key === 'white_label')?.is_enabled ?? undefined,
    },
    quotas: {
      agents: number(quota('agents')?.most),
      tokens: number(quota('tokens')?.most),
      hardTokens: number(quota('tokens')?.hard),
    },
    isWhite: await t.value<boolean>(`select app_public.is_feature_enabled('white_label')`),
  }
}

const addAgents = (t: Transaction, number: number) =>
  t.errorCode(`insert into app_public.agents (name) select gen_random_uuid()::text from generate_series(1, $1::int)`, [
    number,
  ])

async function holds(world: World, slug: string): Promise<void> {
  const { t, model } = world
  const expected = expectedOf(model, slug)
  expect([slug, await observe(world, slug)]).toEqual([
    slug,
    {
      entitlements: { agents: expected.agents, tokens: expected.tokens, whiteLabel: expected.whiteLabel },
      quotas: { agents: expected.agents ?? null, tokens: expected.tokens ?? null, hardTokens: expected.hardTokens },
      isWhite: expected.whiteLabel ?? false,
    },
  ])
  await t.query('savepoint before')
  const most = expected.agents ?? 20
  expect([slug, most, await addAgents(t, most)]).toEqual([slug, most, undefined])
  expect([slug, await addAgents(t, 1)]).toEqual([slug, expected.agents == null ? undefined : 'QT601'])
  const tokens = `select from app_public.consume_quota('tokens', $1)`
  const hard = expected.hardTokens
  if (hard !== null && hard > 0) expect([slug, await t.errorCode(tokens, [hard])]).toEqual([slug, undefined])
  expect([slug, await t.errorCode(tokens, [1])]).toEqual([slug, hard === null ? undefined : 'QT601'])
  await t.query('rollback to savepoint before')
}

describe('what was sold, what is shown and what is enforced', () => {
  it('are the same after any sequence of plans, overrides, settings, subscriptions, moves and months', {
    timeout: 300_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(
        maybe(plan),
        maybe(plan),
        fc.array(action, { minLength: 6, maxLength: 16 }),
        (first, second, steps) =>
          db.inTransaction(async (t) => {
            const world = await begin(t)
            if (first) await act(world, { do: 'start', tenant: 'acme', plan: first })
            if (second) await act(world, { do: 'start', tenant: 'globex', plan: second })
            for (const step of steps) await act(world, step)
            for (const slug of slugs) await holds(world, slug)
            await t.becomeSuperuser()
            expect(await t.query('select * from metering.verify_quotas()')).toEqual([])
          }),
      ),
      { numRuns: 25, seed: 20_261_128 },
    )
  })
})
