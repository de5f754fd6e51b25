// Two people change one workspace at once: one owner stays, whoever is first, and nobody is a member twice.

import { beforeEach, describe, expect, it } from 'vitest'
import { needsServer, useDatabase } from '../helpers/index.ts'
import { codeOf, useSessions } from '../helpers/sessions.ts'

const db = useDatabase()
const { session, untilBlocked } = useSessions(db)

let workspace: string
beforeEach(async (context) => {
  needsServer(context)
  const client = await session(db.acme.member)
  const { rows } = await client.query<{ id: string }>(
    `select id from app_public.create_workspace($1, visibility => 'public')`,
    [crypto.randomUUID()],
  )
  workspace = rows[0]?.id as string
})

async function owners(): Promise<number> {
  const { rows } = await db.pool.query(
    `select count(*)::int as count from app_public.workspace_members where workspace_id = $1 and role = 'owner'`,
    [workspace],
  )
  return rows[0]?.count
}

describe('two owners', () => {
  const admin = (): string => db.acme.admin.userId
  const member = (): string => db.acme.member.userId
  const deeds: [string, () => string, () => string][] = [
    ['leave', () => `leave_workspace('${workspace}')`, () => `leave_workspace('${workspace}')`],
    [
      'demote each other',
      () => `change_workspace_member_role('${workspace}', '${admin()}', 'admin')`,
      () => `change_workspace_member_role('${workspace}', '${member()}', 'admin')`,
    ],
    [
      'remove each other',
      () => `remove_workspace_member('${workspace}', '${admin()}')`,
      () => `remove_workspace_member('${workspace}', '${member()}')`,
    ],
    [
      'step down and leave',
      () => `change_workspace_member_role('${workspace}', '${member()}', 'viewer')`,
      () => `leave_workspace('${workspace}')`,
    ],
  ]
  it.each(
    deeds.flatMap((deed) =>
      ['read committed', 'repeatable read'].map((level) => [deed[0], level, deed[1], deed[2]] as const),
    ),
  )('who %s at once leave one owner, in %s', async (_name, level, first, second) => {
    const [a, b] = [await session(db.acme.member), await session(db.acme.admin)]
    await a.query(`select app_public.add_workspace_member($1, $2, 'owner')`, [workspace, admin()])
    await a.query(`begin isolation level ${level}`)
    await b.query(`begin isolation level ${level}`)
    await b.query('select count(*) from app_public.workspaces')
    await a.query(`select app_public.${first()}`)
    const outcome = codeOf(b.query(`select app_public.${second()}`))
    await untilBlocked(b)
    await a.query('commit')
    // refused as the last owner, as no longer an owner, or told to try again
    expect(['WS502', 'WS201', '40001']).toContain(await outcome)
    await b.query('rollback')
    expect(await owners()).toBe(1)
  })
})

it('the same person added by two moderators is a member once', async () => {
  const [a, b] = [await session(db.acme.member), await session(db.acme.owner)]
  const add = `select app_public.add_workspace_member($1, $2)`
  await a.query('begin')
  await a.query(add, [workspace, db.acme.viewer.userId])
  const second = codeOf(b.query(add, [workspace, db.acme.viewer.userId]))
  await untilBlocked(b)
  await a.query('commit')
  expect(await second).toBe('WS501')
})

it('a person who joins twice at once is a member once, without an error', async () => {
  const [a, b] = [await session(db.acme.viewer), await session(db.acme.viewer)]
  await a.query('begin')
  await a.query('select app_public.join_workspace($1)', [workspace])
  const second = codeOf(b.query('select app_public.join_workspace($1)', [workspace]))
  await untilBlocked(b)
  await a.query('commit')
  expect(await second).toBeUndefined()
})

it('a person who names two institutions first at once has one primary', async () => {
  const [a, b] = [await session(db.acme.viewer), await session(db.acme.viewer)]
  const admin = await session(db.acme.admin)
  const ids: string[] = []
  for (const name of ['One', 'Two']) {
    const { rows } = await admin.query('insert into app_public.institutions (name) values ($1) returning id', [name])
    ids.push(rows[0]?.id)
    await a.query('insert into app_public.institution_members (institution_id) values ($1)', [ids.at(-1)])
  }
  await a.query('begin')
  await a.query('select app_public.set_primary_institution($1)', [ids[0]])
  const second = codeOf(b.query('select app_public.set_primary_institution($1)', [ids[1]]))
  await untilBlocked(b)
  await a.query('commit')
  expect(await second).toBeUndefined()
  const { rows } = await b.query('select institution_id from app_public.institution_members where is_primary')
  expect(rows).toEqual([{ institution_id: ids[1] }])
})
