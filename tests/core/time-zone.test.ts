// A time without a zone is UTC, wherever the database server thinks it is.

import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { createPool } from '../../server/pool.ts'
import { isRealServer, useDatabase } from '../helpers/index.ts'

const db = useDatabase()

describe('the time zone', () => {
  it.each(['rowhouse_authenticator', 'rowhouse_worker'] as const)('of the sessions of %s is UTC', async (role) => {
    const name = pg.escapeIdentifier(new URL(db.url).pathname.slice(1))
    await db.pool.query(`alter database ${name} set timezone to 'Asia/Tokyo'`)
    const pool = createPool(db.url, role, 1, { isEmbedded: !isRealServer() })
    try {
      const { rows } = await pool.query(
        `select '2026-11-28T14:10:52'::timestamptz at time zone 'UTC' as at, current_setting('timezone') as zone`,
      )
      expect(rows[0]).toEqual({ at: expect.anything(), zone: 'UTC' })
    } finally {
      await pool.end()
      await db.pool.query(`alter database ${name} reset timezone`)
    }
  })

  it.each(['Asia/Tokyo', 'America/St_Johns', 'UTC'])('of a session that says %s does not move an event', (zone) =>
    db.inTransaction(async (t) => {
      await t.query(
        `select set_config('timezone', $1, true), set_config('rowhouse.clock', '2026-11-28T14:20:00Z', true)`,
        [zone],
      )
      await t.becomeRole('rowhouse_worker')
      await t.query(`select metering.record_tenant_usage($1, $2)`, [
        db.acme.id,
        JSON.stringify([
          { idempotency_key: 'a', usage_type: 'tool_call', quantity: 1, occurred_at: '2026-11-28T14:10:52' },
          { idempotency_key: 'b', usage_type: 'tool_call', quantity: 1, occurred_at: '2026-11-28T23:10:52+09:00' },
        ]),
      ])
      await t.becomeSuperuser()
      expect(
        await t.query(
          `select distinct extract(epoch from occurred_at - '2026-11-28T14:10:52Z'::timestamptz)::int as seconds from app_public.usage_events`,
        ),
      ).toEqual([{ seconds: 0 }])
    }),
  )
})
