// A plan that tenants share, with many real clients at once: exactly as many as the plan says, nobody keeps what an edited plan
// gave before, and a tenant that pays for itself is not below another one.

import type pg from 'pg'
import { beforeEach, describe, expect, it } from 'vitest'
import { addPlan } from '../billing/helpers.ts'
import { needsServer, type Person, queries, useDatabase } from '../helpers/index.ts'
import { codeOf, outcomesOf, useSessions } from '../helpers/sessions.ts'

const db = useDatabase()
const superuser = queries(() => db.pool)
const { session, sessions, untilBlocked } = useSessions(db)

type Owner = Pick<Person, 'tenantId' | 'userId'>
let serial = 0
let plan: string

beforeEach(async (context) => {
  needsServer(context)
  serial += 1
  plan = `plan-${serial}`
  await addPlan(superuser, { slug: plan, amount: 0 })
  await superuser.query(
    `insert into app_public.plan_entitlements (plan_id, kind, key, quota_limit) select id, 'quota', 'agents', 3 from app_public.plans where slug = $1`,
    [plan],
  )
})

async function newTenant(parentId?: string): Promise<Owner> {
  serial += 1
  const slug = `t-${serial}`
  const tenantId = await superuser.value<string>('select id from tenancy.provision_tenant($1, $1, $2)', [
    slug,
    `${slug}@x.test`,
  ])
  if (parentId) await superuser.query(bySql, [tenantId, parentId])
  const userId = await superuser.value<string>('select user_id from app_public.user_tenants where tenant_id = $1', [
    tenantId,
  ])
  return { tenantId, userId }
}
async function subscribed(): Promise<Owner> {
  const owner = await newTenant()
  await start(await session(owner))
  return owner
}

const bySql = 'update app_public.tenants set parent_tenant_id = $2 where id = $1'
const start = (client: pg.Client) => client.query('select app_public.start_subscription($1)', [plan])
const createAgent = (client: pg.Client) =>
  client.query('insert into app_public.agents (name) values (gen_random_uuid()::text)')
const agentsOf = (...tenantIds: string[]): Promise<number> =>
  superuser.value('select count(*)::int from app_public.agents where tenant_id = any ($1)', [tenantIds])
const limitOf = (tenantId: string): Promise<number> =>
  superuser.value(
    `select hard_limit::int from app_public.quota_tracking where tenant_id = $1 and quota_type = 'agents'`,
    [tenantId],
  )
const faults = (): Promise<unknown[]> => superuser.query('select * from metering.verify_quotas()')

describe('a plan with 3 agents', () => {
  it('gives 3 to 12 creators in different children at once', async () => {
    const root = await subscribed()
    const children = [await newTenant(root.tenantId), await newTenant(root.tenantId), await newTenant(root.tenantId)]
    const clients = (await Promise.all(children.map((child) => sessions(4, child)))).flat()
    expect(await outcomesOf(clients.map(createAgent))).toEqual({ done: 3, QT601: 9 })
    expect(await agentsOf(...children.map(({ tenantId }) => tenantId))).toBe(3)
    expect(await faults()).toEqual([])
  })

  it('has no more when a tenant with agents moves in beside creators', async () => {
    const root = await subscribed()
    const child = await newTenant(root.tenantId)
    const guest = await newTenant()
    await createAgent(await session(guest))
    await createAgent(await session(guest))
    const clients = await sessions(6, child)
    const mover = await session()
    const outcomes = await outcomesOf([
      ...clients.map(createAgent),
      mover.query(bySql, [guest.tenantId, root.tenantId]),
    ])
    expect(Object.keys(outcomes).sort()).toEqual(['QT601', 'done'])
    const below = await superuser.value<string[]>(
      'select array_agg(id) from app_public.tenants where ancestor_ids @> array[$1::uuid]',
      [root.tenantId],
    )
    expect(await agentsOf(root.tenantId, ...below)).toBeLessThanOrEqual(3)
    expect(await faults()).toEqual([])
  })
})

describe('an edit of a plan', () => {
  const edit = (client: pg.Client) =>
    client.query(
      `update app_public.plan_entitlements set quota_limit = 1 where plan_id = (select id from app_public.plans where slug = $1)`,
      [plan],
    )

  it('reaches a subscription that was not committed yet', async () => {
    const owner = await newTenant()
    const [client, admin] = [await session(owner), await session()]
    await client.query('begin')
    await start(client)
    const edited = edit(admin)
    await untilBlocked(admin)
    await client.query('commit')
    await edited
    expect(await limitOf(owner.tenantId)).toBe(1)
  })

  it('is waited for by who subscribes at the same time', async () => {
    const owner = await newTenant()
    const [client, admin] = [await session(owner), await session()]
    await admin.query('begin')
    await edit(admin)
    const started = start(client)
    await untilBlocked(client)
    await admin.query('commit')
    await started
    expect(await limitOf(owner.tenantId)).toBe(1)
  })
})

describe('a tenant that is moved below another one while it subscribes', () => {
  it('is not moved when it subscribed first', async () => {
    const [owner, parent] = [await newTenant(), await newTenant()]
    const [client, admin] = [await session(owner), await session()]
    await client.query('begin')
    await start(client)
    const moved = codeOf(admin.query(bySql, [owner.tenantId, parent.tenantId]))
    await untilBlocked(admin)
    await client.query('commit')
    expect(await moved).toBe('LB526')
  })

  it('does not subscribe when it was moved first', async () => {
    const [owner, parent] = [await newTenant(), await newTenant()]
    const [client, admin] = [await session(owner), await session()]
    await admin.query('begin')
    await admin.query(bySql, [owner.tenantId, parent.tenantId])
    const started = codeOf(start(client))
    await untilBlocked(client)
    await admin.query('commit')
    expect(await started).toBe('LB525')
  })
})

it('two overrides at once both hold', async () => {
  const owner = await subscribed()
  const [one, other] = await sessions(2, { ...db.platform.owner, tenantId: owner.tenantId }, { role: 'rowhouse_admin' })
  const override = (client: pg.Client | undefined, key: string) =>
    client?.query(`select app_public.override_entitlement('feature', $1, is_enabled => true)`, [key])
  await one?.query('begin')
  await override(one, 'white_label')
  const second = override(other, 'api_access')
  await untilBlocked(other as never)
  await one?.query('commit')
  await second
  expect(await superuser.value('select plan_features from app_public.tenants where id = $1', [owner.tenantId])).toEqual(
    {
      white_label: true,
      api_access: true,
    },
  )
})
