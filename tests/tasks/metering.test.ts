// The tasks of metering, as the worker runs them.

import { beforeAll, describe, expect, it } from 'vitest'
import { createPool } from '../../server/database.ts'
import { useDatabase } from '../helpers/index.ts'
import { runTask } from '../helpers/tasks.ts'

const db = useDatabase()

describe('after calls of two tenants two months ago, each task runs twice', () => {
  const counted = async (what: string): Promise<unknown> =>
    Object.values((await db.pool.query(`select count(*)::int from ${what}`)).rows[0])[0]

  beforeAll(async () => {
    await db.pool.query(`update app_public.tenants set config = '{"store_llm_texts": true}' where id = $1`, [
      db.acme.id,
    ])
    for (const tenant of [db.acme, db.globex])
      await db.pool.query('select metering.record_tenant_llm_usage($1, $2)', [
        tenant.id,
        JSON.stringify({
          idempotency_key: 'k',
          model: 'm',
          input_tokens: 1,
          output_tokens: 1,
          prompt_text: 'p',
          user_id: tenant.member.userId,
          occurred_at: new Date(Date.now() - 60 * 86_400_000).toISOString(),
        }),
      ])
    const pool = createPool(db.url, 'rowhouse_worker', 2)
    try {
      for (const name of ['metering__create_partitions', 'metering__roll_up', 'governance__retain']) {
        const payload = name === 'governance__retain' ? { _cron: {} } : {}
        await runTask(pool, name, payload)
        await runTask(pool, name, payload)
      }
    } finally {
      await pool.end()
    }
  })

  it('and every event is in a partition of its month', async () => {
    expect(await counted('metering.usage_events_default')).toBe(0)
  })

  it('and the events of all tenants are rolled up once', async () => {
    expect(await counted('metering.usage_queue')).toBe(0)
    const { rows } = await db.pool.query('select sum(quantity)::int as total from metering.usage_days')
    expect(rows).toEqual([{ total: 6 }])
  })

  it('and texts are dropped', async () => {
    expect(await counted('metering.llm_texts')).toBe(0)
  })
})
