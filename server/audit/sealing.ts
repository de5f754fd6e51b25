// The steps that tasks, npm run audit and the benchmark share: sealing what is settled, signing the heads, handing over what a
// destination does not have yet, exporting. Each call commits, so when a process is killed, the next one goes on from there.

import type { Ask } from '../exports.ts'
import { deliver, nameOf } from './destinations.ts'
import type { Signer } from './signing.ts'

const headsATime = 500
const linesATime = 500

/** Returns how many entries it sealed. */
export async function sealSettled(ask: Ask): Promise<number> {
  const [settled] = await ask<{ id: string }>('select audit.settle() as id', [])
  for (let sealed = 0; ; ) {
    const [batch] = await ask<{ count: number | null }>('select audit.seal($1) as count', [settled?.id])
    if (typeof batch?.count !== 'number') return sealed
    sealed += batch.count
  }
}

export async function signHeads(ask: Ask, signer: Signer): Promise<void> {
  for (;;) {
    const heads = await ask<{ tenant_id: string; number: number; head: Buffer }>(
      'select * from audit.unsigned_heads($1)',
      [headsATime],
    )
    if (heads.length === 0) return
    await ask('select audit.sign($1, $2, $3, $4)', [
      heads.map(({ tenant_id }) => tenant_id),
      heads.map(({ number }) => number),
      signer.publicKey,
      heads.map(({ head }) => signer.sign(head)),
    ])
  }
}

/** At least once and in order. */
export async function deliverAll(
  ask: Ask,
  destination: string,
  source: 'heads_to_anchor' | 'entries_to_stream',
): Promise<void> {
  const name = nameOf(destination)
  for (;;) {
    const waiting = await ask<{ up_to: string; line: string }>(
      `select * from audit.${source}($1, $2) as waiting (up_to, line)`,
      [name, linesATime],
    )
    if (waiting.length === 0) return
    await deliver(
      destination,
      waiting.map(({ line }) => line),
    )
    await ask('select audit.delivered($1, $2)', [name, waiting.at(-1)?.up_to])
  }
}

const batchesATime = 100

/** The lines of a tenant's sealed batches, from the first on; no more than one batch is held. */
export async function* exported(ask: Ask, tenantId: string): AsyncIterable<string> {
  for (let after = 0; ; ) {
    const numbers = await ask<{ number: number }>('select * from audit.batch_numbers($1, $2, $3) as number', [
      tenantId,
      after,
      batchesATime,
    ])
    if (numbers.length === 0) return
    for (const { number } of numbers) {
      const lines = await ask<{ line: string }>('select * from audit.export_batch($1, $2) as line', [tenantId, number])
      for (const { line } of lines) yield line
      after = number
    }
  }
}
