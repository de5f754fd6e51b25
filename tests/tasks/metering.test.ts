// The tasks of metering, as the worker runs them.

import { expect, it } from 'vitest'
import { createPool } from '../../server/database.ts'
import { loadTasks } from '../../server/worker/index.ts'
import { useDatabase } from '../helpers/index.ts'

const db = useDatabase()

it('make partitions, roll up all tenants, drop texts; a second run finds nothing to do', async () => {
  const pool = createPool(db.url, 'rowhouse_worker', 2)
  try {
    const { tasks } = await loadTasks()
    const run = async (name: string): Promise<void> => {
      const task = tasks[name]
      if (!task) throw new Error(`There is no task ${name}`)
      await task({}, {
        withPgClient: async (work: (client: unknown) => Promise<unknown>) => {
          const client = await pool.connect()
          try {
            return await work(client)
          } finally {
            client.release()
          }
        },
      } as never)
    }
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
    for (const name of ['metering__create_partitions', 'metering__roll_up', 'metering__drop_llm_texts']) {
      await run(name)
      await run(name)
    }
    const { rows } = await db.pool.query(`
      select (select count(*)::int from metering.usage_queue) as waiting, (select count(*)::int from metering.llm_texts) as texts,
             (select count(*)::int from metering.usage_events_default) as leftover, (select sum(quantity)::int from metering.usage_days) as counted`)
    expect(rows).toEqual([{ waiting: 0, texts: 0, leftover: 0, counted: 6 }])
  } finally {
    await pool.end()
  }
})
