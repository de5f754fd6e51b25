// API keys with many real clients at once.

import type pg from 'pg'
import { beforeEach, describe, expect, it } from 'vitest'
import { needsServer, useDatabase } from '../helpers/index.ts'
import { codeOf, outcomesOf, useSessions } from '../helpers/sessions.ts'

const db = useDatabase()
const { session, sessions, untilBlocked } = useSessions(db)
beforeEach(async (context) => {
  needsServer(context)
  await db.pool.query('delete from app_public.usage_quotas')
  await db.pool.query('delete from app_public.quota_tracking')
  await db.pool.query('delete from app_public.api_keys')
})

const create = (client: pg.Client, parentKeyId: string | null = null) =>
  client.query<{ api_key_id: string; key: string }>(
    `select * from app_public.create_api_key(jsonb_populate_record(null::app_public.new_api_key, $1))`,
    [JSON.stringify({ name: 'Import', parent_key_id: parentKeyId })],
  )
const created = async (client: pg.Client, parentKeyId?: string) => {
  const { rows } = await create(client, parentKeyId)
  if (!rows[0]) throw new Error('No key was made.')
  return rows[0]
}
const begin = (client: pg.Client, key: string) =>
  client.query(`select * from metering.begin_request(null, null, key_hash => sha256(convert_to($1, 'UTF8')))`, [key])
const notRevoked = async () =>
  (await db.pool.query('select count(*)::int as number from app_public.api_keys where revoked_at is null')).rows[0]
    .number

describe('a quota of 5 keys and 20 who make one at once', () => {
  it('make exactly 5', async () => {
    await db.pool.query(
      `insert into app_public.usage_quotas (tenant_id, quota_type, period, quota_limit, source) values ($1, 'api_keys', 'none', 5, 'plan')`,
      [db.acme.id],
    )
    const clients = await sessions(20, db.acme.member)
    expect(await outcomesOf(clients.map((client) => create(client)))).toEqual({ done: 5, QT601: 15 })
    expect(await notRevoked()).toBe(5)
    expect((await db.pool.query('select * from metering.verify_quotas()')).rows).toEqual([])
  })
})

describe('a key that is revoked while one is made below it', () => {
  it('takes the new one with it, when the new one was first', async () => {
    const [maker, revoker] = [await session(db.acme.owner), await session(db.acme.owner)]
    const top = await created(maker)
    await maker.query('begin')
    const low = await created(maker, top.api_key_id)
    const revoking = codeOf(revoker.query('select app_public.revoke_api_key($1)', [top.api_key_id]))
    await untilBlocked(revoker)
    await maker.query('commit')
    expect(await revoking).toBeUndefined()
    expect(await notRevoked()).toBe(0)
    expect(await codeOf(begin(await session('rowhouse_authenticator'), low.key))).toBe('KY101')
  })

  it('leaves no new one, when the end was first', async () => {
    const [maker, revoker] = [await session(db.acme.owner), await session(db.acme.owner)]
    const top = await created(maker)
    await revoker.query('begin')
    await revoker.query('select app_public.revoke_api_key($1)', [top.api_key_id])
    const making = codeOf(create(maker, top.api_key_id))
    await untilBlocked(maker)
    await revoker.query('commit')
    expect(await making).toBe('KY501')
    expect(await notRevoked()).toBe(0)
  })
})

describe('a key that many use at once', () => {
  it('makes none wait for the time of its last use, and one call of a limit of 5 is never a sixth', async () => {
    const maker = await session(db.acme.owner)
    const { rows } = await maker.query(
      `select * from app_public.create_api_key(jsonb_populate_record(null::app_public.new_api_key, '{"name": "x", "max_calls_per_day": 5}'))`,
    )
    const clients = await sessions(10, 'rowhouse_authenticator')
    const answers = await Promise.all(
      clients.flatMap((client) => [begin(client, rows[0].key), begin(client, rows[0].key)]),
    )
    const codes = answers.map((answer) => answer.rows[0].refusal_code)
    expect(codes.filter((code) => code === null)).toHaveLength(5)
    expect(codes.filter((code) => code === 'QT601')).toHaveLength(15)
  })

  it('is rotated twice at once, and has one secret that does not end', async () => {
    const [one, two] = [await session(db.acme.owner), await session(db.acme.owner)]
    const { api_key_id } = await created(one)
    const rotating = (client: pg.Client) => client.query('select app_public.rotate_api_key($1, 60)', [api_key_id])
    expect(await outcomesOf([rotating(one), rotating(two)])).toEqual({ done: 2 })
    const { rows } = await db.pool.query(
      'select expires_at is null as lasts from vault.api_keys where api_key_id = $1 order by 1',
      [api_key_id],
    )
    expect(rows).toEqual([{ lasts: false }, { lasts: true }])
  })
})
