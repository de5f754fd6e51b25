// People over HTTP: a newcomer's way from an invitation to a membership, members, settings, sessions.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { transaction, useDatabase } from '../helpers/index.ts'
import { tokenFor } from '../helpers/invitations.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

const db = useDatabase()
let server: TestServer
beforeAll(async () => {
  server = await startTestServer(db.url)
})
afterAll(() => server.close())

const code = (answer: { errors?: { extensions: { code: string } }[] }): string | undefined =>
  answer.errors?.[0]?.extensions.code
async function mailedToken(id: string): Promise<string> {
  const client = await db.pool.connect()
  try {
    return await tokenFor(transaction(client), id)
  } finally {
    client.release()
  }
}
const inviteUser = `mutation ($email: String!, $role: MembershipRole) {
  inviteUser(input: {email: $email, role: $role, message: "Welcome"}) {
    invitation { id email role status isExpired expiresAt deliveryStatus invitedByUser { email } }
  }
}`
const accept = `mutation ($token: String!) { acceptInvitation(input: {token: $token}) { tenant { id slug name } } }`

describe('a newcomer', () => {
  it('is invited, looks around without a tenant, accepts, and is in', async () => {
    const ask = (query: string, variables?: object, headers?: Record<string, string>) =>
      server.ask('ann@example.test', query, variables, headers)
    expect(code(await ask('{ currentUserProfile { email } }'))).toBe('ID101')

    const { data } = await server.ask('admin@acme.test', inviteUser, { email: 'Ann@example.test', role: 'member' })
    const { invitation } = data.inviteUser
    expect(invitation).toMatchObject({
      email: 'ann@example.test',
      role: 'member',
      status: 'pending',
      isExpired: false,
      deliveryStatus: 'queued',
      invitedByUser: { email: 'admin@acme.test' },
    })

    const before = await ask(`{
      currentTenant { slug } currentMembership { role } currentUserProfile { email onboardingCompleted }
      myTenants { nodes { slug } } myPermissions agents { nodes { name } } tenants { nodes { slug } } memberships { nodes { role } }
      myInvitations { nodes { tenantName tenantSlug role message invitedByName } }
      onboardingChecklist { nodes { key isDone } }
    }`)
    expect(before.errors).toBeUndefined()
    expect(before.data).toEqual({
      currentTenant: null,
      currentMembership: null,
      currentUserProfile: { email: 'ann@example.test', onboardingCompleted: false },
      myTenants: { nodes: [] },
      myPermissions: [],
      agents: { nodes: [] },
      tenants: { nodes: [] },
      memberships: { nodes: [] },
      myInvitations: {
        nodes: [
          {
            tenantName: 'ACME',
            tenantSlug: 'acme',
            role: 'member',
            message: 'Welcome',
            invitedByName: 'admin of acme',
          },
        ],
      },
      onboardingChecklist: {
        nodes: [
          { key: 'name_profile', isDone: false },
          { key: 'join_tenant', isDone: false },
        ],
      },
    })
    expect(code(await ask('mutation { createAgent(input: {agent: {name: "x"}}) { agent { id } } }'))).toMatch(
      /^(23502|42501)$/,
    )
    expect(code(await ask('{ currentTenant { slug } }', {}, { 'x-tenant-id': 'acme' }))).toBe('ID201')

    const token = await mailedToken(invitation.id)
    const wrong = await server.ask('owner@globex.test', accept, { token })
    const unknown = await ask(accept, { token: 'nonsense' })
    expect(wrong.errors?.map(({ message, extensions }) => [message, extensions])).toEqual(
      unknown.errors?.map(({ message, extensions }) => [message, extensions]),
    )
    expect(code(wrong)).toBe('ID303')
    expect((await ask(accept, { token })).data.acceptInvitation.tenant).toMatchObject({ slug: 'acme', name: 'ACME' })
    expect(code(await ask(accept, { token }))).toBe('ID303')
    expect(
      (await ask('{ currentTenant { slug } currentMembership { role effectivePermissions invitedByUser { email } } }'))
        .data,
    ).toMatchObject({ currentTenant: { slug: 'acme' }, currentMembership: { role: 'member' } })

    const left = await ask('mutation { leaveTenant { membership { role } } }')
    expect(left.data.leaveTenant.membership).toEqual({ role: 'member' })
    expect((await ask('{ currentTenant { slug } }')).data).toEqual({ currentTenant: null })
  })

  it('who is invited to a second tenant accepts from the first', async () => {
    const { data } = await server.ask('owner@globex.test', inviteUser, { email: 'member@acme.test', role: 'viewer' })
    const token = await mailedToken(data.inviteUser.invitation.id)
    expect((await server.ask('member@acme.test', accept, { token })).data.acceptInvitation.tenant.slug).toBe('globex')
    expect(code(await server.ask('member@acme.test', '{ currentTenant { slug } }'))).toBe('ID401')
    const leave = 'mutation { leaveTenant { membership { role } } }'
    await server.ask('member@acme.test', leave, {}, { 'x-tenant-id': 'globex' })
  })
})

describe('invitations', () => {
  it('are made in bulk with a receipt each, listed, sent again, taken back', async () => {
    const bulk = await server.ask(
      'owner@acme.test',
      `mutation ($rows: [NewInvitationInput!]!) { inviteUsers(input: {invitations: $rows}) { receipts { email outcome invitationId errorCode error } } }`,
      { rows: [{ email: 'one@example.test' }, { email: 'nobody' }, { email: 'two@example.test', role: 'admin' }] },
    )
    const { receipts } = bulk.data.inviteUsers
    expect(receipts.map(({ outcome, errorCode }: Record<string, string>) => [outcome, errorCode])).toEqual([
      ['invited', null],
      ['refused', 'ID407'],
      ['invited', null],
    ])
    const listed = await server.ask(
      'admin@acme.test',
      `{ invitations(filter: {status: {equalTo: pending}}, orderBy: EMAIL_ASC) { nodes { email role } } }`,
    )
    expect(listed.data.invitations.nodes).toEqual([
      { email: 'one@example.test', role: 'member' },
      { email: 'two@example.test', role: 'admin' },
    ])
    expect(
      (await server.ask('viewer@acme.test', '{ invitations { nodes { email } } }')).data.invitations.nodes,
    ).toEqual([])
    const id = receipts[0].invitationId
    const deed = (name: string) => `mutation ($id: UUID!) { ${name}(input: {id: $id}) { invitation { status } } }`
    expect(code(await server.ask('owner@acme.test', deed('resendInvitation'), { id }))).toBe('ID601')
    await db.pool.query(`update app_public.invitations set queued_at = queued_at - interval '2 minutes'`)
    expect((await server.ask('owner@acme.test', deed('resendInvitation'), { id })).errors).toBeUndefined()
    const revoked = await server.ask('owner@acme.test', deed('revokeInvitation'), { id })
    expect(revoked.data.revokeInvitation.invitation.status).toBe('revoked')
    expect(code(await server.ask('owner@acme.test', deed('revokeInvitation'), { id }))).toBe('ID302')
  })

  it('show no token and no hash of one', async () => {
    const { data } = await server.ask('owner@acme.test', '{ __type(name: "Invitation") { fields { name } } }')
    expect(
      data.__type.fields.map(({ name }: { name: string }) => name).filter((name: string) => /token/i.test(name)),
    ).toEqual([])
  })
})

describe('members', () => {
  it('are changed by those who manage users', async () => {
    const change = (
      name: string,
      args: string,
      fields = 'role status permissions { canViewAudit } effectivePermissions',
    ) =>
      server.ask(
        'owner@acme.test',
        `mutation { ${name}(input: {userId: "${db.acme.viewer.userId}"${args}}) { membership { ${fields} } } }`,
      )
    expect((await change('changeMemberRole', ', role: member')).data.changeMemberRole.membership.role).toBe('member')
    expect(
      (await change('changeMemberPermissions', ', permissions: {canViewAudit: true}')).data.changeMemberPermissions
        .membership.effectivePermissions,
    ).toContain('can_view_audit')
    expect((await change('suspendMember', '')).data.suspendMember.membership).toMatchObject({
      status: 'suspended',
      effectivePermissions: [],
    })
    expect((await change('reactivateMember', '')).data.reactivateMember.membership.status).toBe('active')
    expect((await change('deactivateMember', '')).data.deactivateMember.membership.status).toBe('inactive')
    expect((await change('removeMember', '')).data.removeMember.membership.role).toBe('member')
    expect(code(await change('removeMember', ''))).toBe('ID301')
    expect(code(await server.ask('owner@acme.test', 'mutation { leaveTenant { membership { role } } }'))).toBe('ID501')
    await db.pool.query(`select tenancy.provision_member($1, 'viewer@acme.test', null, 'viewer')`, [db.acme.id])
  })
})

describe('settings', () => {
  it('are one’s own, and appear on no profile', async () => {
    const set = await server.ask(
      'member@acme.test',
      `mutation { updatePreferences(input: {patch: {theme: "dark"}}) { preferences }
                  updateNotificationSettings(input: {patch: {digest: "daily"}}) { notificationSettings } }`,
    )
    expect(set.data.updatePreferences.preferences).toMatchObject({ theme: 'dark', pageSize: 50 })
    expect(set.data.updateNotificationSettings.notificationSettings).toMatchObject({ digest: 'daily', email: true })
    const mine = '{ myPreferences myNotificationSettings }'
    expect((await server.ask('member@acme.test', mine)).data.myPreferences.theme).toBe('dark')
    expect((await server.ask('owner@acme.test', mine)).data.myPreferences.theme).toBe('system')
    const unknown = await server.ask(
      'member@acme.test',
      `mutation { updatePreferences(input: {patch: {colour: "red"}}) { preferences } }`,
    )
    expect([code(unknown), unknown.errors?.[0]?.message]).toEqual(['TN402', 'The setting "colour" does not exist.'])
    const fields = await server.ask('owner@acme.test', '{ __type(name: "UserProfile") { fields { name } } }')
    expect(JSON.stringify(fields.data)).not.toMatch(/preferences|notificationSettings/)
    const done = await server.ask(
      'member@acme.test',
      'mutation { completeOnboarding { userProfile { onboardingCompleted } } }',
    )
    expect(done.data.completeOnboarding.userProfile.onboardingCompleted).toBe(true)
  })
})

describe('sessions', () => {
  const start = `mutation { startSession(input: {deviceType: "desktop", utmSource: "mail"}) { session { id ipAddress utmSource } } }`

  it('have the address of the connection, whatever a client says', async () => {
    const { data } = await server.ask('member@acme.test', start, {}, { 'x-forwarded-for': '203.0.113.7' })
    expect(data.startSession.session).toMatchObject({ ipAddress: '127.0.0.1', utmSource: 'mail' })
    const { id } = data.startSession.session
    const touched = await server.ask(
      'member@acme.test',
      'mutation ($id: UUID!) { touchSession(input: {id: $id, pageViews: 2, events: 1}) { session { pageViews eventsCount } } endSession(input: {id: $id}) { session { sessionEnd durationSeconds } } }',
      { id },
    )
    expect(touched.data.touchSession.session).toEqual({ pageViews: 2, eventsCount: 1 })
    expect(touched.data.endSession.session.sessionEnd).not.toBeNull()
  })

  it('have the address that the proxies saw, when there are proxies', async () => {
    const behind = await startTestServer(db.url, { TRUST_PROXY: '2' })
    try {
      const addressOf = async (forwarded: string): Promise<unknown> =>
        (await behind.ask('member@acme.test', start, {}, { 'x-forwarded-for': forwarded })).data.startSession.session
          .ipAddress
      expect(await addressOf('10.0.0.1, 203.0.113.7, 192.0.2.1')).toBe('203.0.113.7')
      expect(await addressOf('2001:db8::7, 192.0.2.1')).toBe('2001:db8::7')
      expect(await addressOf('nonsense, 192.0.2.1')).toBeNull()
      expect(await addressOf('192.0.2.1')).toBeNull()
    } finally {
      await behind.close()
    }
  })
})

describe('a visitor from the tenant above', () => {
  it('reads and cannot write', async () => {
    await db.pool.query('update app_public.tenants set parent_tenant_id = $1 where id = $2', [db.acme.id, db.globex.id])
    const visit = (query: string) => server.ask('admin@acme.test', query, {}, { 'x-tenant-id': 'globex' })
    expect(
      (await visit('{ currentTenant { slug } currentMembership { role } memberships { totalCount } myPermissions }'))
        .data,
    ).toEqual({
      currentTenant: { slug: 'globex' },
      currentMembership: null,
      memberships: { totalCount: 4 },
      myPermissions: [],
    })
    expect((await visit('{ search(query: "x") { nodes { title } } }')).errors).toBeUndefined()
    for (const deed of [
      'createAgent(input: {agent: {name: "x"}}) { agent { id } }',
      'startSession(input: {}) { session { id } }',
      'inviteUser(input: {email: "x@example.test"}) { invitation { id } }',
      'leaveTenant { membership { role } }',
    ])
      expect(code(await visit(`mutation { ${deed} }`))).toMatch(/^(42501|ID20[23]|ID301)$/)
    await db.pool.query('update app_public.tenants set parent_tenant_id = null where id = $1', [db.globex.id])
    expect(code(await visit('{ currentTenant { slug } }'))).toBe('ID201')
  })
})
