// Trains a model, a step a transaction. A fault of the data ends the job; a fault of the platform is tried again.

import type { DatabaseError } from 'pg'
import { z } from 'zod'
import type { TaskOf } from '../server/worker/task.ts'

export const payload = z.strictObject({ tenantId: z.uuid(), jobId: z.uuid() })

const limitMs = 600_000
/** Errors of ours, of data, of too much, and the end of the time. */
const isFaultOfJob = (code: string | undefined): boolean => /^(ML[346]|22|54|57014$)/.test(code ?? '')

export const task: TaskOf<typeof payload> = async ({ tenantId, jobId }, { withPgClient, job }) => {
  const begun = await withPgClient((client) =>
    client.query<{ attempt: number | null }>('select ml.begin_training($1, $2) as attempt', [tenantId, jobId]),
  )
  const attempt = begun.rows[0]?.attempt
  // it is over, or was cancelled
  if (!attempt) return

  const advance = (): Promise<boolean> =>
    withPgClient(async (client) => {
      await client.query('begin')
      try {
        await client.query(`select set_config('statement_timeout', $1, true)`, [String(limitMs)])
        const { rows } = await client.query<{ more: boolean }>('select ml.advance_training($1, $2, $3) as more', [
          tenantId,
          jobId,
          attempt,
        ])
        await client.query('commit')
        return rows[0]?.more === true
      } catch (error) {
        await client.query('rollback')
        throw error
      }
    })
  try {
    while (await advance());
  } catch (error) {
    const { code, message } = error as DatabaseError
    // cancelled, or taken over
    if (code === 'ML508') return
    const isLast = job.attempts >= job.max_attempts
    if (isFaultOfJob(code) || isLast) {
      const words =
        code === '57014'
          ? `It took longer than ${limitMs / 1000} seconds.`
          : isFaultOfJob(code)
            ? message
            : 'It could not be trained.'
      await withPgClient((client) =>
        client.query('select ml.fail_training($1, $2, $3, $4)', [tenantId, jobId, attempt, words]),
      )
      if (isFaultOfJob(code)) return
    }
    throw error
  }
}
