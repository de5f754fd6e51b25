// Rate limits with many real clients at once: exactly as many pass as the limit says.

import type pg from 'pg'
import { beforeEach, expect, it } from 'vitest'
import { needsServer, useDatabase } from '../helpers/index.ts'
import { useSessions } from '../helpers/sessions.ts'

const db = useDatabase()
const { sessions } = useSessions(db)
beforeEach(async (context) => {
  needsServer(context)
  await db.pool.query('delete from app_public.rate_limit_config')
  await db.pool.query('delete from app_public.rate_limit_usage')
})

const limit = (columns: string, values: string) =>
  db.pool.query(
    `insert into app_public.rate_limit_config (tenant_id, source, ${columns}) values ('${db.acme.id}', 'plan', ${values})`,
  )
const check = async (client: pg.Client, userId: string, requests = 1, tokens = 0): Promise<boolean> =>
  (
    await client.query('select is_allowed from metering.check_rate_limit($1, $2, requests => $3, tokens => $4)', [
      db.acme.id,
      userId,
      requests,
      tokens,
    ])
  ).rows[0].is_allowed

it('20 clients at the first moment of a window pass as often as the limit says', async () => {
  await limit('per_minute', '7')
  const clients = await sessions(20)
  const passed = await Promise.all(clients.map((client) => check(client, db.acme.member.userId)))
  expect(passed.filter(Boolean)).toHaveLength(7)
})

it('20 clients under several limits use exactly what was let through, each limit, without a deadlock', async () => {
  await limit('per_hour, per_day', '60, 1000')
  await limit(`limit_scope, per_hour`, `'user', 25`)
  await limit(`limit_type, per_hour`, `'tokens', 100`)
  const clients = await sessions(20)
  const users = [db.acme.owner, db.acme.admin, db.acme.member, db.acme.viewer].map(({ userId }) => userId)
  const passed: Record<string, number> = {}
  let tokensPassed = 0
  await Promise.all(
    clients.map(async (client, i) => {
      const user = users[i % 4] as string
      for (let n = 0; n < 10; n += 1) {
        const tokens = n % 3
        if (await check(client, user, 1, tokens)) {
          passed[user] = (passed[user] ?? 0) + 1
          tokensPassed += tokens
        }
      }
    }),
  )
  const total = Object.values(passed).reduce((a, b) => a + b, 0)
  expect(Math.max(...Object.values(passed))).toBeLessThanOrEqual(25)
  expect(total).toBe(60)
  const { rows } = await db.pool.query(
    `select c.limit_scope, c.limit_type, u.window_seconds as seconds, sum(u.usage_count)::int as used
       from app_public.rate_limit_usage u join app_public.rate_limit_config c on c.id = u.config_id group by 1, 2, 3 order by 1, 2, 3`,
  )
  expect(rows).toEqual([
    { limit_scope: 'tenant', limit_type: 'requests', seconds: 3600, used: total },
    { limit_scope: 'tenant', limit_type: 'requests', seconds: 86_400, used: total },
    { limit_scope: 'tenant', limit_type: 'tokens', seconds: 3600, used: tokensPassed },
    { limit_scope: 'user', limit_type: 'requests', seconds: 3600, used: total },
  ])
})

it('limits that are set by two at once both hold', async () => {
  const clients = await sessions(8)
  const keys = await db.pool.query<{ id: string }>(
    `insert into app_public.api_keys (tenant_id, name, key_type, environment, prefix, role, permissions, created_by_user_id)
     select $1, 'key', 'user', 'live', 'rh_live_0000', 'member', '{}', $2 from generate_series(1, 8) returning id`,
    [db.acme.id, db.acme.owner.userId],
  )
  await Promise.all(
    clients.map((client, i) =>
      client.query(
        `insert into app_public.rate_limit_config (tenant_id, limit_scope, scope_id, per_minute) values ($1, 'api_key', $2, $3)`,
        [db.acme.id, keys.rows[i]?.id, i + 1],
      ),
    ),
  )
  const { rows } = await db.pool.query(
    'select count(*)::int as rules from metering.rate_limit_rules where tenant_id = $1',
    [db.acme.id],
  )
  expect(rows).toEqual([{ rules: 8 }])
})
