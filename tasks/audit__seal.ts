// Each minute: seals what is settled in the audit, signs the heads, and writes them to the anchors. A worker may be killed at any
// point: the next run goes on where this one stopped.

import { nameOf } from '../server/audit/destinations.ts'
import { deliverAll, sealSettled, signHeads } from '../server/audit/sealing.ts'
import { signerOf } from '../server/audit/signing.ts'
import { loadConfig } from '../server/config.ts'
import type { Ask } from '../server/exports.ts'
import { noPayload, type TaskOf } from '../server/worker/task.ts'

export const payload = noPayload
export const cron = '* * * * *'

export const task: TaskOf<typeof payload> = async (_payload, { withPgClient, logger }) => {
  const config = loadConfig(process.env)
  const ask: Ask = (text, values) => withPgClient(async (client) => (await client.query(text, values)).rows as never)
  await sealSettled(ask)
  await ask('select audit.forget_event_counts()', [])
  const signer = await signerOf(config)
  if (!signer) return logger.warn('The audit is sealed, but not signed: AUDIT_SIGNING_KEY is missing')
  await signHeads(ask, signer)
  const failures: string[] = []
  for (const anchor of config.AUDIT_ANCHORS) {
    await deliverAll(ask, anchor, 'heads_to_anchor').catch((error: Error) =>
      failures.push(`${nameOf(anchor)}: ${error.message}`),
    )
  }
  if (failures.length > 0) throw new Error(failures.join('\n'))
}
