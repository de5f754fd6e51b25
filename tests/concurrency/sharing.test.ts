// A copy is made before a revocation or not at all, and grants and mode agree whoever is first.

import { beforeEach, describe, expect, it } from 'vitest'
import { needsServer, useDatabase } from '../helpers/index.ts'
import { codeOf, useSessions } from '../helpers/sessions.ts'

const db = useDatabase()
const { session, untilBlocked } = useSessions(db)

let agent: string
let shareId: string
beforeEach(async (context) => {
  needsServer(context)
  const admin = await session(db.acme.admin)
  agent = (
    await admin.query<{ id: string }>(
      `insert into app_public.agents (name, status) values ($1, 'active') returning id`,
      [crypto.randomUUID()],
    )
  ).rows[0]?.id as string
  shareId = (
    await admin.query<{ id: string }>(`select id from app_public.share_resource('agent', $1, 'globex')`, [agent])
  ).rows[0]?.id as string
})
const copies = async (): Promise<number> =>
  (await db.pool.query('select count(*)::int as n from app_public.agents where copied_from_id = $1', [agent])).rows[0]
    ?.n

describe('a revocation and a copy at once', () => {
  it.each(['read committed', 'repeatable read'])(
    'the copy waits for the revocation, and finds nothing (%s)',
    async (level) => {
      const [admin, recipient] = [await session(db.acme.admin), await session(db.globex.member)]
      await admin.query('begin')
      await recipient.query(`begin isolation level ${level}`)
      // the snapshot of repeatable read is of a time when it was shared
      expect((await recipient.query('select from app_public.agents where id = $1', [agent])).rowCount).toBe(1)
      await admin.query('select app_public.revoke_share($1)', [shareId])
      const copy = codeOf(recipient.query('select app_public.copy_agent($1)', [agent]))
      await untilBlocked(recipient)
      await admin.query('commit')
      expect(await copy).toBe(level === 'read committed' ? 'RS301' : '40001')
      await recipient.query('rollback')
      expect(await copies()).toBe(0)
    },
  )

  it('repeatable read does not copy by a grant that is gone while another keeps the mode', async () => {
    const [admin, recipient] = [await session(db.acme.admin), await session(db.globex.member)]
    await admin.query(`select app_public.set_sharing_mode('agent', $1, 'subtree')`, [agent])
    await recipient.query('begin isolation level repeatable read')
    expect((await recipient.query('select from app_public.agents where id = $1', [agent])).rowCount).toBe(1)
    await admin.query('select app_public.revoke_share($1)', [shareId])
    expect(await codeOf(recipient.query('select app_public.copy_agent($1)', [agent]))).toBe('40001')
    await recipient.query('rollback')
  })

  it('the revocation waits for the copy, which stays', async () => {
    const [admin, recipient] = [await session(db.acme.admin), await session(db.globex.member)]
    await recipient.query('begin')
    await recipient.query('select app_public.copy_agent($1)', [agent])
    const revoked = codeOf(admin.query('select app_public.revoke_share($1)', [shareId]))
    await untilBlocked(admin)
    await recipient.query('commit')
    expect(await revoked).toBeUndefined()
    expect(await copies()).toBe(1)
    expect((await recipient.query('select from app_public.agents where id = $1', [agent])).rowCount).toBe(0)
  })

  it('ten copies at once get ten names', async () => {
    const sessions = await Promise.all(Array.from({ length: 10 }, () => session(db.globex.member)))
    const names = await Promise.all(
      sessions.map(
        async (client) => (await client.query('select name from app_public.copy_agent($1)', [agent])).rows[0]?.name,
      ),
    )
    expect(new Set(names).size).toBe(10)
  })
})

describe('two who share at once', () => {
  const mode = async () =>
    (await db.pool.query('select sharing_mode as mode from app_public.agents where id = $1', [agent])).rows[0]?.mode
  const grants = async () =>
    (await db.pool.query('select count(*)::int as n from app_public.resource_shares where resource_id = $1', [agent]))
      .rows[0]?.n

  it('the last grant revoked while another is given leaves the mode selected', async () => {
    const [first, second] = [await session(db.acme.admin), await session(db.acme.owner)]
    await first.query('begin')
    await first.query('select app_public.revoke_share($1)', [shareId])
    const given = codeOf(second.query(`select app_public.share_resource('agent', $1, 'platform')`, [agent]))
    await untilBlocked(second)
    await first.query('commit')
    expect(await given).toBeUndefined()
    expect([await mode(), await grants()]).toEqual(['selected', 1])
  })

  it('made private while a grant is given is private', async () => {
    const [first, second] = [await session(db.acme.admin), await session(db.acme.owner)]
    await first.query('begin')
    await first.query(`select app_public.share_resource('agent', $1, 'platform')`, [agent])
    const hidden = codeOf(second.query(`select app_public.set_sharing_mode('agent', $1, 'private')`, [agent]))
    await untilBlocked(second)
    await first.query('commit')
    expect(await hidden).toBeUndefined()
    expect([await mode(), await grants()]).toEqual(['private', 0])
  })

  it('the same share revoked twice is revoked once', async () => {
    const [first, second] = [await session(db.acme.admin), await session(db.acme.owner)]
    await first.query('begin')
    await first.query('select app_public.revoke_share($1)', [shareId])
    const again = codeOf(second.query('select app_public.revoke_share($1)', [shareId]))
    await untilBlocked(second)
    await first.query('commit')
    expect(await again).toBe('RS362')
    const { rows } = await db.pool.query(
      `select count(*)::int as n from app_public.resource_sharing_audit where resource_id = $1 and action = 'revoked'`,
      [agent],
    )
    expect(rows).toEqual([{ n: 1 }])
  })
})
