// Each minute: measures the rules of alerts of all tenants. A tenant has about a second, then the next one has its turn, and what
// is left of its rules comes in the next round. Two workers share the tenants: a rule that one has at hand is left to it.

import { noPayload, type TaskOf } from '../server/worker/task.ts'

export const payload = noPayload
export const cron = '* * * * *'

/** A rule that takes longer has no value. */
const longestMeasureMs = 5_000

export const task: TaskOf<typeof payload> = async (_payload, { withPgClient, abortSignal }) => {
  const { rows } = await withPgClient(async (client) => {
    await client.query('select observability.add_builtin_alerts()')
    await client.query('select observability.release_notifications()')
    return client.query<{ id: string }>('select id from observability.tenants_to_evaluate() as id')
  })
  const evaluate = (id: string): Promise<number> =>
    withPgClient(async (client) => {
      await client.query('begin')
      try {
        await client.query(`set local statement_timeout to ${longestMeasureMs}`)
        const evaluated = await client.query<{ count: number }>('select observability.evaluate_alerts($1) as count', [
          id,
        ])
        await client.query('commit')
        return evaluated.rows[0]?.count ?? 0
      } catch (error) {
        await client.query('rollback')
        throw error
      }
    })
  let waiting = rows.map(({ id }) => id)
  while (waiting.length > 0) {
    const left: string[] = []
    for (const id of waiting) {
      if (abortSignal?.aborted) return
      if ((await evaluate(id)) > 0) left.push(id)
    }
    waiting = left
  }
}
