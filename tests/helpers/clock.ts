// The clock that SQL goes by, for the transaction at hand.

import type { Queries } from './index.ts'

export async function setClock(t: Pick<Queries, 'query'>, at: string): Promise<void> {
  await t.query(`select set_config('rowhouse.clock', $1, true)`, [at])
}

/** Sets it to so much after the start of the transaction: '2 days'. */
export async function setClockLater(t: Pick<Queries, 'query'>, later: string): Promise<void> {
  await t.query(`select set_config('rowhouse.clock', (now() + $1::interval)::text, true)`, [later])
}
