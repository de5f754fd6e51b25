// Invitations used, sent and made by many at once: each deed happens once.

import type pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { needsServer, type Person, transaction, useDatabase } from '../helpers/index.ts'
import { tokenFor } from '../helpers/invitations.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'
import { isBlocked, openSession } from '../helpers/sessions.ts'

const db = useDatabase()
let server: TestServer
beforeAll(async () => {
  server = await startTestServer(db.url)
})
afterAll(() => server.close())
const open: pg.Client[] = []
const session = async (person?: Person): Promise<pg.Client> => {
  const client = await openSession(db.url, person)
  open.push(client)
  return client
}
afterEach(() => Promise.all(open.splice(0).map((client) => client.end())))

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
const codes = (outcomes: PromiseSettledResult<unknown>[]): string[] =>
  outcomes.map((outcome) => (outcome.status === 'fulfilled' ? 'done' : outcome.reason.code)).sort()

describe('one token', () => {
  it('accepted by 20 clients at once makes one membership; the others get the one error', async (context) => {
    needsServer(context)
    const { token, person } = await invited('ann@example.test')
    const clients = await Promise.all(Array.from({ length: 20 }, () => session(person)))
    const outcomes = await Promise.allSettled(clients.map((client) => client.query(accept, [token])))
    expect(codes(outcomes)).toEqual([...Array.from({ length: 19 }, () => 'ID303'), 'done'])
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

  it('is worthless to who waited while it was revoked, and good to who came before', async (context) => {
    needsServer(context)
    const late = await invited('late@example.test')
    const [owner, person] = [await session(db.acme.owner), await session(late.person)]
    await owner.query('begin')
    await owner.query('select app_public.revoke_invitation($1)', [late.id])
    const waiting = expect(person.query(accept, [late.token])).rejects.toMatchObject({ code: 'ID303' })
    await isBlocked(db.pool, person)
    await owner.query('commit')
    await waiting

    const early = await invited('early@example.test')
    const other = await session(early.person)
    await other.query('begin')
    await other.query(accept, [early.token])
    const revoking = expect(owner.query('select app_public.revoke_invitation($1)', [early.id])).rejects.toMatchObject({
      code: 'ID302',
    })
    await isBlocked(db.pool, owner)
    await other.query('commit')
    await revoking
    expect([await memberships('late@example.test'), await memberships('early@example.test')]).toEqual([0, 1])
  })

  it('is worthless to who waited while the inviter was demoted', async (context) => {
    needsServer(context)
    const { token, person } = await invited('after@example.test')
    await db.pool.query(`select tenancy.provision_member($1, 'second@acme.test', null, 'owner')`, [db.acme.id])
    const [second, client] = [await session(), await session(person)]
    await second.query('begin')
    await second.query(`update app_public.user_tenants set role = 'viewer' where user_id = $1`, [db.acme.owner.userId])
    const waiting = expect(client.query(accept, [token])).rejects.toMatchObject({ code: 'ID303' })
    await isBlocked(db.pool, client)
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
    const outcomes = await Promise.allSettled(
      clients.map((client) => client.query(`select app_public.invite_user('many@example.test')`)),
    )
    expect(codes(outcomes)).toEqual([...Array.from({ length: 19 }, () => 'ID503'), 'done'])
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
