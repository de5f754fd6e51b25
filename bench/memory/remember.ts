// Remembering by eight clients, each for people of its own and one memory a call, as a turn of a conversation comes.

import pg from 'pg'
import type { Part } from '../metering/part.ts'
import { createBenchTenant } from '../metering/setup.ts'
import { withClient, withScratch } from '../scratch.ts'
import { timed } from '../timing.ts'
import { makeTurns } from './words.ts'

const clients = 8

export const measureRemember = (serverUrl: string, count: number): Promise<Part> =>
  withScratch(serverUrl, (url) => withClient(url, (client) => measure(url, client, count)))

async function measure(url: string, client: pg.Client, count: number): Promise<Part> {
  const tenant = await createBenchTenant(client, 'memory')
  const sessions = await Promise.all(
    tenant.userIds.slice(0, clients).map(async (userId) => {
      const session = new pg.Client({ connectionString: url })
      await session.connect()
      await session.query(
        `select set_config('role', 'rowhouse_user', false), set_config('rowhouse.tenant_id', $1, false), set_config('rowhouse.user_id', $2, false)`,
        [tenant.id, userId],
      )
      await session.query(`select app_public.give_consent('memory', '1')`)
      return session
    }),
  )
  const each = Math.floor(count / clients)
  const work = (number: number): Promise<unknown> =>
    Promise.all(
      sessions.map(async (session, s) => {
        const { turn } = makeTurns(number * 100 + s)
        for (let i = 0; i < number; i++)
          await session.query({
            name: 'remember',
            text: `select id from app_public.remember(array[jsonb_populate_record(null::app_public.new_memory, $1)])`,
            values: [
              {
                memory_type: 'episode',
                content: turn(),
                speaker: 'Ann',
                session_id: 's1',
                occurred_at: '2026-01-01T00:00:00Z',
              },
            ],
          })
      }),
    )
  try {
    await work(5)
    const rate = (each * clients * 1000) / (await timed(async () => void (await work(each))))
    return {
      title: 'Remember',
      how: `${clients} clients remember ${each * clients} turns of six to eighteen words, one a call and transaction, each of a person of its own, with the index.`,
      measured: [
        {
          name: `remember, ${clients} clients`,
          ours: `${rate.toFixed(0)}/s`,
          theirs: '500/s',
          ratio: rate / 500,
          sign: '≥',
          bar: 1,
        },
      ],
    }
  } finally {
    await Promise.all(sessions.map((session) => session.end()))
  }
}
