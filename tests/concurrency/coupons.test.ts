// A coupon that few may redeem, with many real clients at once.

import type pg from 'pg'
import { expect, it } from 'vitest'
import { needsServer, queries, useDatabase } from '../helpers/index.ts'
import { outcomesOf, useSessions } from '../helpers/sessions.ts'

const db = useDatabase()
const superuser = queries(() => db.pool)
const { sessions } = useSessions(db)

it('exactly as many tenants redeem a coupon as may', async (context) => {
  needsServer(context)
  await superuser.query(
    `insert into app_public.coupons (code, name, percent_off, duration, max_redemptions) values ('FEW', 'Few', 10, 'once', 2)`,
  )
  const owners: { tenantId: string; userId: string }[] = []
  for (const slug of ['r-1', 'r-2', 'r-3', 'r-4', 'r-5']) {
    const tenantId = await superuser.value<string>('select id from tenancy.provision_tenant($1, $1, $2)', [
      slug,
      `${slug}@x.test`,
    ])
    const userId = await superuser.value<string>('select user_id from app_public.user_tenants where tenant_id = $1', [
      tenantId,
    ])
    owners.push({ tenantId, userId })
  }
  const clients: pg.Client[] = []
  for (const owner of owners) clients.push(...(await sessions(1, owner)))
  const outcomes = await outcomesOf(clients.map((client) => client.query(`select app_public.redeem_coupon('FEW')`)))
  expect(outcomes).toEqual({ done: 2, LB530: 3 })
  expect(await superuser.value('select count(*)::int from app_public.coupon_redemptions')).toBe(2)
  expect(await superuser.value(`select redemption_count from app_public.coupons`)).toBe(2)
})
