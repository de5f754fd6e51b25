// Invitations used, sent and made by many at once: each deed happens once.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { needsServer, type Person, transaction, useDatabase } from '../helpers/index.ts'
import { tokenFor } from '../helpers/invitations.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { codeOf, outcomesOf, useSessions } from '../helpers/sessions.ts'

const db = useDatabase()
let server: TestServer
beforeAll(async () => {
  server = await startTestServer(db.url)
})
afterAll(() => server.close())
const { session, sessions, untilBlocked } = useSessions(db)

/** An invitation of acme, with its token and the person it is for. */
async function invited(email: string): Promise<{ id: string; token: string; person: Person }> {
  const inviter = await session(db.acme.owner)
  const id = (await inviter.query('select id from app_public.invite_user($1)', [email])).rows[0].id as string
  const client = await db.pool.connect()
  const token = await tokenFor(transaction(client), id)
  client.release()
  const { rows } = await db.pool.query('insert into app_public.user_profiles (email) values ($1) returning id', [email])
  return { id, token, person: { userId: rows[0].id, tenantId: '', tenant: '', email, role: 'viewer' } }
}
const memberships = async (email: string): Promise<number> =>
  (
    await db.pool.query<{ count: number }>(
      `select count(*)::int as count from app_public.user_tenants m join app_public.user_profiles u on u.id = m.user_id where u.email = $1`,
      [email],
    )
  ).rows[0]?.count as number
const accept = 'select slug from app_public.accept_invitation($1)'

describe('one token', () => {
  it('accepted by 20 clients at once makes one membership', async (context) => {
    needsServer(context)
    const { token, person } = await invited('ann@example.test')
    const clients = await sessions(20, person)
    expect(await outcomesOf(clients.map((client) => client.query(accept, [token])))).toEqual({ done: 1, ID303: 19 })
    expect(await memberships(person.email)).toBe(1)
  })

  it('accepted 20 times at once over HTTP, by someone seen for the first time, makes one profile and one membership', async () => {
    const inviter = await session(db.acme.owner)
    const id = (await inviter.query(`select id from app_public.invite_user('new@example.test')`)).rows[0].id as string
    const client = await db.pool.connect()
    const token = await tokenFor(transaction(client), id)
    client.release()
    const answers = await Promise.all(
      Array.from({ length: 20 }, () =>
        server.ask(
          'new@example.test',
          'mutation ($token: String!) { acceptInvitation(input: {token: $token}) { tenant { slug } } }',
          { token },
        ),
      ),
    )
    const outcomes = answers.map(
      ({ data, errors }) => data?.acceptInvitation?.tenant.slug ?? errors?.[0]?.extensions.code,
    )
    expect(outcomes.sort()).toEqual([...Array.from({ length: 19 }, () => 'ID303'), 'acme'])
    const { rows } = await db.pool.query(
      `select count(*)::int as profiles, (select count(*)::int from tenancy.user_identities where subject = 'new@example.test') as identities
         from app_public.user_profiles where email = 'new@example.test'`,
    )
    expect(rows).toEqual([{ profiles: 1, identities: 1 }])
    expect(await memberships('new@example.test')).toBe(1)
  })

  it('is worthless to who waited while it was revoked', async (context) => {
    needsServer(context)
    const late = await invited('late@example.test')
    const [owner, person] = [await session(db.acme.owner), await session(late.person)]
    await owner.query('begin')
    await owner.query('select app_public.revoke_invitation($1)', [late.id])
    const waiting = codeOf(person.query(accept, [late.token]))
    await untilBlocked(person)
    await owner.query('commit')
    expect(await waiting).toBe('ID303')
    expect(await memberships('late@example.test')).toBe(0)
  })

  it('that was accepted first cannot be revoked by who waited', async (context) => {
    needsServer(context)
    const early = await invited('early@example.test')
    const [owner, person] = [await session(db.acme.owner), await session(early.person)]
    await person.query('begin')
    await person.query(accept, [early.token])
    const revoking = codeOf(owner.query('select app_public.revoke_invitation($1)', [early.id]))
    await untilBlocked(owner)
    await person.query('commit')
    expect(await revoking).toBe('ID302')
    expect(await memberships('early@example.test')).toBe(1)
  })

  it('is worthless to who waited while the inviter was demoted', async (context) => {
    needsServer(context)
    const { token, person } = await invited('after@example.test')
    await db.pool.query(`select tenancy.provision_member($1, 'second@acme.test', null, 'owner')`, [db.acme.id])
    const [second, client] = [await session(), await session(person)]
    await second.query('begin')
    await second.query(`update app_public.user_tenants set role = 'viewer' where user_id = $1`, [db.acme.owner.userId])
    const waiting = expect(client.query(accept, [token])).rejects.toMatchObject({ code: 'ID303' })
    await untilBlocked(client)
    await second.query('commit')
    await waiting
    await db.pool.query(`update app_public.user_tenants set role = 'owner' where user_id = $1`, [db.acme.owner.userId])
  })
})

describe('one address', () => {
  it('invited by 20 clients at once has one invitation and one mail', async (context) => {
    needsServer(context)
    const clients = await Promise.all(
      Array.from({ length: 20 }, (_, i) => session(i % 2 ? db.acme.owner : db.acme.admin)),
    )
    const inviting = clients.map((client) => client.query(`select app_public.invite_user('many@example.test')`))
    expect(await outcomesOf(inviting)).toEqual({ done: 1, ID503: 19 })
    const { rows } = await db.pool.query(
      `select count(*)::int as jobs from graphile_worker._private_jobs j join app_public.invitations i on j.payload ->> 'invitationId' = i.id::text
        where i.email = 'many@example.test'`,
    )
    expect(rows).toEqual([{ jobs: 1 }])
  })

  it('in two bulk invitations of opposite order is invited once, without a deadlock', async (context) => {
    needsServer(context)
    const emails = Array.from({ length: 50 }, (_, i) => ({ email: `bulk${i}@example.test` }))
    const [a, b] = [await session(db.acme.owner), await session(db.acme.admin)]
    const invite = `select outcome from app_public.invite_users(array(
      select jsonb_populate_record(null::app_public.new_invitation, i) from jsonb_array_elements($1) as i))`
    const answers = await Promise.all([
      a.query(invite, [JSON.stringify(emails)]),
      b.query(invite, [JSON.stringify(emails.toReversed())]),
    ])
    const outcomes = answers.flatMap(({ rows }) => rows.map(({ outcome }) => outcome as string))
    expect(outcomes.filter((outcome) => outcome === 'invited')).toHaveLength(50)
  })

  it('seen for the first time by 20 requests at once gets one profile', async () => {
    const inviter = await session(db.acme.owner)
    await inviter.query(`select app_public.invite_user('first@example.test')`)
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => server.ask('first@example.test', '{ currentUserProfile { id } }')),
    )
    expect(new Set(answers.map(({ data }) => data.currentUserProfile.id)).size).toBe(1)
  })
})
