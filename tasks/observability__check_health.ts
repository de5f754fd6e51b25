// Each minute, and when staff asks: looks at the database, the queue, the mail server and the model providers, and stores what it
// saw. Only the providers whose probe is due are asked, or all when staff asks.

import { z } from 'zod'
import { loadConfig } from '../server/config.ts'
import { checkMail } from '../server/mail.ts'
import { type Provider, probeProvider } from '../server/provider-probe.ts'
import type { TaskOf } from '../server/worker/task.ts'

export const payload = z.strictObject({ _cron: z.unknown().optional(), everything: z.boolean().optional() })
export const cron = '* * * * *'

export const task: TaskOf<typeof payload> = async ({ everything = false }, { withPgClient }) => {
  const mail = await checkMail(loadConfig(process.env))
  await withPgClient(async (client) => {
    const { rows } = await client.query(
      `select * from observability.check_queue() union all select * from observability.check_audit()`,
    )
    await client.query('select observability.record_checks($1)', [
      JSON.stringify([...(await database(client)), ...rows, mail]),
    ])
  })
  const providers = await withPgClient((client) =>
    client.query<Provider & { provider_id: string }>('select * from observability.providers_to_probe($1)', [
      everything,
    ]),
  )
  await Promise.all(
    providers.rows.map(async (provider) => {
      const { isHealthy, latencyMs, errorClass } = await probeProvider(provider)
      await withPgClient((client) =>
        client.query('select observability.record_probe($1, $2, $3, $4)', [
          provider.provider_id,
          isHealthy,
          latencyMs,
          errorClass,
        ]),
      )
    }),
  )
}

type Client = Parameters<Parameters<Parameters<TaskOf<typeof payload>>[1]['withPgClient']>[0]>[0]

/** As the login itself, which sees its own sessions; the worker's role sees none. */
async function database(client: Client): Promise<object[]> {
  await client.query('begin')
  try {
    await client.query('set local role none')
    return (await client.query('select * from observability.check_database()')).rows
  } finally {
    await client.query('rollback')
  }
}
