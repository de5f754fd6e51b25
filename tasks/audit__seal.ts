// Each minute: seals what is settled in the audit, signs the heads, and writes them to the anchors. A worker may be killed at any
// point: the next run goes on where this one stopped.

import { deliver, nameOf } from '../server/audit/destinations.ts'
import { type Signer, signerOf } from '../server/audit/signing.ts'
import { loadConfig } from '../server/config.ts'
import { noPayload, type TaskOf } from '../server/worker/task.ts'

export const payload = noPayload
export const cron = '* * * * *'

const headsATime = 500

type Ask = (text: string, values?: unknown[]) => Promise<Record<string, unknown>[]>

export const task: TaskOf<typeof payload> = async (_payload, { withPgClient, logger }) => {
  const config = loadConfig(process.env)
  const ask: Ask = async (text, values) => (await withPgClient((client) => client.query(text, values))).rows
  const settled = (await ask('select audit.settle() as id'))[0]?.id
  while ((await ask('select audit.seal($1) as count', [settled]))[0]?.count !== null);
  await ask('select audit.forget_event_counts()')
  const signer = await signerOf(config)
  if (!signer) return logger.warn('The audit is sealed, but not signed: AUDIT_SIGNING_KEY is missing')
  await signHeads(ask, signer)
  const failures: string[] = []
  for (const anchor of config.AUDIT_ANCHORS) {
    await anchorHeads(ask, anchor).catch((error: Error) => failures.push(`${nameOf(anchor)}: ${error.message}`))
  }
  if (failures.length > 0) throw new Error(failures.join('\n'))
}

async function signHeads(ask: Ask, signer: Signer): Promise<void> {
  for (;;) {
    const heads = (await ask('select * from audit.unsigned_heads($1)', [headsATime])) as {
      tenant_id: string
      number: number
      head: Buffer
    }[]
    if (heads.length === 0) return
    await ask('select audit.sign($1, $2, $3, $4)', [
      heads.map(({ tenant_id }) => tenant_id),
      heads.map(({ number }) => number),
      signer.publicKey,
      heads.map(({ head }) => signer.sign(head)),
    ])
  }
}

async function anchorHeads(ask: Ask, anchor: string): Promise<void> {
  for (;;) {
    const heads = await ask('select * from audit.heads_to_anchor($1, $2)', [nameOf(anchor), headsATime])
    if (heads.length === 0) return
    await deliver(
      anchor,
      heads.map(({ line }) => String(line)),
    )
    await ask('select audit.delivered($1, $2)', [nameOf(anchor), heads.at(-1)?.sequence])
  }
}
