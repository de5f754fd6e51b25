// Quotas with many real clients at once: exactly as many as the limit says, never one more, and nobody in a circle.

import type pg from 'pg'
import { beforeEach, describe, expect, it } from 'vitest'
import { needsServer, useDatabase } from '../helpers/index.ts'
import { outcomesOf, type Session, useSessions } from '../helpers/sessions.ts'

const db = useDatabase()
const { session, sessions, untilBlocked } = useSessions(db)
beforeEach(async (context) => {
  needsServer(context)
  await db.pool.query('delete from app_public.usage_quotas')
  await db.pool.query('delete from app_public.quota_tracking')
  await db.pool.query('delete from app_public.agents')
})
async function limit(tenantId: string, type: string, most: number, more: Record<string, unknown> = {}): Promise<void> {
  const isCount = ['users', 'agents', 'documents', 'storage'].includes(type)
  const values = {
    tenant_id: tenantId,
    quota_type: type,
    period: isCount ? 'none' : 'month',
    quota_limit: most,
    source: 'plan',
    ...more,
  }
  await db.pool.query(
    `insert into app_public.usage_quotas (${Object.keys(values)}) values (${Object.keys(values).map((_, i) => `$${i + 1}`)})`,
    Object.values(values),
  )
}

const createAgent = (client: pg.Client) =>
  client.query(`insert into app_public.agents (name) values (gen_random_uuid()::text)`)
const reserveTen = async (client: pg.Client): Promise<string> =>
  (await client.query(`select id from app_public.reserve_quota('tokens', 10)`)).rows[0].id
const agentsOf = async (...tenantIds: string[]): Promise<number> =>
  (
    await db.pool.query(
      'select count(*)::int as number from app_public.agents where tenant_id = any ($1) and deleted_at is null',
      [tenantIds],
    )
  ).rows[0].number
const faults = async () => (await db.pool.query('select * from metering.verify_quotas()')).rows

describe('a quota of 5 and 20 creators at once', () => {
  it('make exactly 5 agents', async () => {
    await limit(db.acme.id, 'agents', 5)
    const clients = await sessions(20, db.acme.member)
    expect(await outcomesOf(clients.map(createAgent))).toEqual({ done: 5, QT601: 15 })
    expect(await agentsOf(db.acme.id)).toBe(5)
    expect(await faults()).toEqual([])
  })

  it('make exactly 5 members', async () => {
    const { rows } = await db.pool.query(`select id from tenancy.provision_tenant($1, 'T', $2)`, [
      `t-${crypto.randomUUID().slice(0, 8)}`,
      'o@t.test',
    ])
    await limit(rows[0].id, 'users', 5)
    const clients = await sessions(20)
    expect(
      await outcomesOf(
        clients.map((client, i) =>
          client.query('select tenancy.provision_member($1, $2)', [rows[0].id, `p${i}@t.test`]),
        ),
      ),
    ).toEqual({ done: 4, QT601: 16 })
    expect(await faults()).toEqual([])
  })

  it('make exactly 5 documents, given in bulk and by name, in whatever order', async () => {
    const { rows } = await db.pool.query(
      `insert into app_public.rag_knowledge_sources (tenant_id, name) values ($1, gen_random_uuid()::text) returning id`,
      [db.acme.id],
    )
    await limit(db.acme.id, 'documents', 5)
    await limit(db.acme.id, 'storage', 1000)
    const clients = await sessions(20, db.acme.member)
    await outcomesOf(
      clients.map((client, i) =>
        client.query('select * from app_public.create_documents($1, knowledge.new_documents($2))', [
          rows[0].id,
          JSON.stringify([0, 1].map((j) => ({ externalId: `d${(i + j) % 20}`, text: 'ten bytes.' }))),
        ]),
      ),
    )
    const documents = await db.pool.query(
      'select count(*)::int as number from app_public.documents where source_id = $1',
      [rows[0].id],
    )
    // two at a time, or one that another has given already: 5 or one less, never more
    expect([4, 5]).toContain(documents.rows[0].number)
    expect(await faults()).toEqual([])
    await db.pool.query('delete from app_public.documents')
  })

  it('for a parent and its children make exactly 5 in all, without a deadlock', async () => {
    const children = await Promise.all(
      [0, 1, 2].map(async (i) => {
        const { rows } = await db.pool.query<{ id: string }>(`select id from tenancy.provision_tenant($1, 'T', $2)`, [
          `c${i}-${crypto.randomUUID().slice(0, 8)}`,
          `o@c${i}.test`,
        ])
        const id = rows[0]?.id as string
        await db.pool.query('update app_public.tenants set parent_tenant_id = $2 where id = $1', [id, db.acme.id])
        return id
      }),
    )
    await limit(db.acme.id, 'agents', 5, { applies_to_subtree: true })
    for (const child of children) await limit(child, 'agents', 4)
    const clients = await sessions(20)
    const tenants = [db.acme.id, ...children]
    expect(
      await outcomesOf(
        clients.map((client, i) =>
          client.query(`insert into app_public.agents (tenant_id, name) values ($1, gen_random_uuid()::text)`, [
            tenants[i % 4],
          ]),
        ),
      ),
    ).toEqual({ done: 5, QT601: 15 })
    expect(await agentsOf(...tenants)).toBe(5)
    expect(await faults()).toEqual([])
  })

  it('use exactly 5 tokens, also when they are the first of the period', async () => {
    await limit(db.acme.id, 'tokens', 5)
    await limit(db.acme.id, 'tokens', 5, { quota_scope: 'user' })
    const clients = await sessions(20, db.acme.member)
    expect(
      await outcomesOf(clients.map((client) => client.query(`select * from app_public.consume_quota('tokens', 1)`))),
    ).toEqual({
      done: 5,
      QT601: 15,
    })
    const { rows } = await db.pool.query(
      'select quota_scope, current_usage::int as used from app_public.quota_tracking order by 1',
    )
    expect(rows).toEqual([
      { quota_scope: 'tenant', used: 5 },
      { quota_scope: 'user', used: 5 },
    ])
  })

  it('hold exactly 5 reservations', async () => {
    await limit(db.acme.id, 'tokens', 50)
    // four of each person, because one person holds at most 80 % of a limit
    const clients = (
      await Promise.all([db.acme.owner, db.acme.admin, db.acme.member].map((person) => sessions(4, person)))
    ).flat()
    expect(await outcomesOf(clients.map(reserveTen))).toEqual({ done: 5, QT601: 7 })
  })

  it('settle each of 5 reservations once, though each is settled by four clients', async () => {
    await limit(db.acme.id, 'tokens', 70)
    const clients = await sessions(20, db.acme.member)
    const ids = await Promise.all(clients.slice(0, 5).map(reserveTen))
    // with the same amount: one settles, the others find it settled
    expect(
      await outcomesOf(
        clients.map((client, i) => client.query('select app_public.settle_reservation($1, 7)', [ids[i % 5]])),
      ),
    ).toEqual({ done: 20 })
    const { rows } = await db.pool.query(
      'select current_usage::int as used, reserved::int from app_public.quota_tracking',
    )
    expect(rows).toEqual([{ used: 35, reserved: 0 }])
  })
})

describe('two clients, one place', () => {
  it('the second waits for the first and gets the place when that is rolled back', async () => {
    await limit(db.acme.id, 'agents', 1)
    const [a, b] = (await sessions(2, db.acme.member)) as [Session, Session]
    await a.query('begin')
    await createAgent(a)
    const second = createAgent(b)
    await untilBlocked(b)
    await a.query('rollback')
    await second
    expect(await agentsOf(db.acme.id)).toBe(1)
  })

  it('the second is refused when the first commits', async () => {
    await limit(db.acme.id, 'agents', 1)
    const [a, b] = (await sessions(2, db.acme.member)) as [Session, Session]
    await a.query('begin')
    await createAgent(a)
    const refused = expect(createAgent(b)).rejects.toMatchObject({ code: 'QT601' })
    await untilBlocked(b)
    await a.query('commit')
    await refused
  })

  it('of a tenant without a limit do not wait for each other', async () => {
    const [a, b] = (await sessions(2, db.acme.member)) as [Session, Session]
    await a.query('begin')
    await createAgent(a)
    await createAgent(b)
    await a.query('commit')
    expect(await agentsOf(db.acme.id)).toBe(2)
  })
})

describe('a limit that is set', () => {
  it('waits for what is under way and counts it', async () => {
    const [a, admin] = [await session(db.acme.member), await session()]
    await a.query('begin')
    await createAgent(a)
    const setting = admin.query(
      `insert into app_public.usage_quotas (tenant_id, quota_type, period, quota_limit) values ($1, 'agents', 'none', 1)`,
      [db.acme.id],
    )
    await untilBlocked(admin)
    await a.query('commit')
    await setting
    await expect(createAgent(a)).rejects.toMatchObject({ code: 'QT601' })
    expect(await faults()).toEqual([])
  })

  it('is waited for by who comes after, and holds for them', async () => {
    const [a, admin] = [await session(db.acme.member), await session()]
    await admin.query('begin')
    await admin.query(
      `insert into app_public.usage_quotas (tenant_id, quota_type, period, quota_limit) values ($1, 'agents', 'none', 0)`,
      [db.acme.id],
    )
    const refused = expect(createAgent(a)).rejects.toMatchObject({ code: 'QT601' })
    await untilBlocked(a)
    await admin.query('commit')
    await refused
  })

  it('and lifted and set while 10 clients create and delete keeps its count', async () => {
    const clients = await sessions(10, db.acme.member)
    const work = clients.map(async (client) => {
      for (let i = 0; i < 15; i += 1) {
        await createAgent(client).catch((error: pg.DatabaseError) => expect(error.code).toBe('QT601'))
        if (i % 3 === 2) {
          await db.pool.query(
            'delete from app_public.agents where id in (select id from app_public.agents where tenant_id = $1 limit 1)',
            [db.acme.id],
          )
        }
      }
    })
    const setting = (async () => {
      for (let i = 0; i < 8; i += 1) {
        await db.pool.query('delete from app_public.usage_quotas')
        await limit(db.acme.id, 'agents', 20 + 10 * i)
        await limit(db.acme.id, 'agents', 1000, { quota_scope: 'user' })
      }
    })()
    await Promise.all([...work, setting])
    expect(await faults()).toEqual([])
  })
})

describe('a tenant that is moved', () => {
  it('waits for what is created below it, and takes it along', async () => {
    const { rows } = await db.pool.query(`select id from tenancy.provision_tenant($1, 'T', 'o@m.test')`, [
      `m-${crypto.randomUUID().slice(0, 8)}`,
    ])
    const child = rows[0].id
    await db.pool.query('update app_public.tenants set parent_tenant_id = $2 where id = $1', [child, db.acme.id])
    await limit(db.acme.id, 'agents', 10, { applies_to_subtree: true })
    await limit(db.globex.id, 'agents', 10, { applies_to_subtree: true })
    const [a, b, admin] = (await sessions(3)) as [Session, Session, Session]
    const create = (client: Session) =>
      client.query(`insert into app_public.agents (tenant_id, name) values ($1, gen_random_uuid()::text)`, [child])
    await a.query('begin')
    await create(a)
    const moving = admin.query('update app_public.tenants set parent_tenant_id = $2 where id = $1', [
      child,
      db.globex.id,
    ])
    await untilBlocked(admin)
    const late = create(b)
    await untilBlocked(b)
    await a.query('commit')
    await Promise.all([moving, late])
    const counters = await db.pool.query(
      `select tenant_id = $1 as is_new_parent, current_usage::int as used from app_public.quota_tracking where includes_subtree order by 1`,
      [db.globex.id],
    )
    expect(counters.rows).toEqual([
      { is_new_parent: false, used: 0 },
      { is_new_parent: true, used: 2 },
    ])
    expect(await faults()).toEqual([])
    await db.pool.query('delete from app_public.tenants where id = $1', [child])
  })
})

describe('twenty callers of one key at once', () => {
  it('use once, and all get the same answer', async () => {
    await limit(db.acme.id, 'tokens', 100)
    const clients = await sessions(20, db.acme.member)
    const key = crypto.randomUUID()
    const answers = await Promise.all(
      clients.map((client) =>
        client.query(`select * from app_public.consume_quota('tokens', 7, idempotency_key => $1)`, [key]),
      ),
    )
    expect(new Set(answers.map(({ rows }) => JSON.stringify(rows))).size).toBe(1)
    expect((await db.pool.query('select current_usage::int as used from app_public.quota_tracking')).rows).toEqual([
      { used: 7 },
    ])
  })

  it('make one reservation', async () => {
    await limit(db.acme.id, 'tokens', 100)
    const clients = await sessions(20, db.acme.member)
    const key = crypto.randomUUID()
    const ids = await Promise.all(
      clients.map(
        async (client) =>
          (await client.query(`select id from app_public.reserve_quota('tokens', 7, idempotency_key => $1)`, [key]))
            .rows[0].id,
      ),
    )
    expect(new Set(ids).size).toBe(1)
    expect((await db.pool.query('select reserved::int from app_public.quota_tracking')).rows).toEqual([{ reserved: 7 }])
    expect(await faults()).toEqual([])
  })
})
