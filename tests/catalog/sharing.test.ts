// The rules of sharing around the truth table: what is refused, what ends a share, what either side sees of it.

import { describe, expect, it } from 'vitest'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import {
  become,
  createResource,
  createWorld,
  type Kind,
  kindNames,
  kinds,
  sees,
  share,
  type World,
} from './sharing-world.ts'

const db = useDatabase()
let world: World
const inWorld = (work: (t: Transaction) => Promise<void>) => (): Promise<void> =>
  db.inTransaction(async (t) => {
    world = await createWorld(db, t)
    await work(t)
  })
const relation = (name: string) => {
  const actor = world.relations[name]
  if (!actor) throw new Error(`There is no ${name}`)
  return actor
}
const member = () => relation('a member of a granted tenant')
const owner = () => relation('the owner of a granted tenant')
const asSuperuser = async (t: Transaction, text: string, values?: unknown[]) => {
  await t.becomeSuperuser()
  return t.query(text, values)
}
const modeOf = (t: Transaction, id: string) => t.value('select sharing_mode from app_public.agents where id = $1', [id])

describe('sharing', () => {
  let agent: string
  const refused = (t: Transaction, call: string) => t.errorCode(`select app_public.${call}`)

  it(
    'names the grantee by slug, however it is written, and makes a private resource selected',
    inWorld(async (t) => {
      agent = await createResource(t, 'agent', db.acme.member)
      await share(t, db.acme.admin, 'agent', agent, ' Granted ')
      expect(await modeOf(t, agent)).toBe('selected')
      expect(await t.value('select is_shared from app_public.agents where id = $1', [agent])).toBe(true)
      expect(
        await t.value('select app_public.agents_shared_with(a) from app_public.agents a where id = $1', [agent]),
      ).toEqual([world.tenants.granted])
      expect(await sees(t, member(), 'agent', agent)).toBe(true)
    }),
  )

  it(
    'says the same of a tenant, member or workspace that is not there and of one that receives nothing',
    inWorld(async (t) => {
      agent = await createResource(t, 'agent', db.acme.member)
      await asSuperuser(
        t,
        `update app_public.tenants set status = 'suspended', suspension_reason = 'late' where slug = 'child'`,
      )
      await t.query(
        `update app_public.tenants set resource_access_config = '{"sharing": {"can_receive_shared": false}}' where slug = 'stranger'`,
      )
      await t.query(`update app_public.user_tenants set status = 'inactive' where tenant_id = $1 and role = 'viewer'`, [
        world.tenants.granted,
      ])
      await t.become(db.acme.admin)
      for (const grantee of [
        `'nowhere'`,
        `'child'`,
        `'stranger'`,
        `null`,
        `'granted', 'nobody@granted.test'`,
        `'granted', 'viewer@granted.test'`,
        `'granted', 'member@stranger.test'`,
        `'granted', workspace_id => '${world.workspaceId}'`,
        `'team', workspace_id => gen_random_uuid()`,
      ]) {
        expect([grantee, await refused(t, `share_resource('agent', '${agent}', ${grantee})`)]).toEqual([
          grantee,
          'RS361',
        ])
      }
    }),
  )

  it(
    'refuses what makes no sense, and says so',
    inWorld(async (t) => {
      agent = await createResource(t, 'agent', db.acme.member)
      await t.become(db.acme.admin)
      const refusals = [
        ['RS463', `share_resource('agent', '${agent}', 'acme')`],
        ['RS463', `share_resource('agent', '${agent}', 'acme', 'viewer@acme.test')`],
        ['RS462', `share_resource('agent', '${agent}', 'team', 'owner@team.test', '${world.workspaceId}')`],
        ['RS461', `share_resource('agent', '${agent}', 'granted', expires_at => now())`],
        ['RS461', `share_resource('agent', '${agent}', 'granted', expires_at => '-infinity')`],
        ['RS301', `share_resource('tool', '${agent}', 'granted')`],
        ['RS301', `share_resource(null, '${agent}', 'granted')`],
        ['RS301', `share_resource('agent', null, 'granted')`],
        ['RS464', `set_sharing_mode('agent', '${agent}', null)`],
        ['RS562', `set_sharing_mode('agent', '${agent}', 'selected')`],
        ['RS262', `set_sharing_mode('agent', '${agent}', 'platform')`],
        ['RS301', `set_sharing_mode('agent', gen_random_uuid(), 'private')`],
        ['RS362', `revoke_share(gen_random_uuid())`],
        ['RS362', `revoke_share(null)`],
        ['RS301', `revoke_shares('agent', gen_random_uuid())`],
        ['RS362', `decline_share(gen_random_uuid())`],
        ['RS362', `accept_share(null)`],
      ] as const
      for (const [code, call] of refusals) expect([call, await refused(t, call)]).toEqual([call, code])
      // a mode that the list does not have is refused by its type
      expect(await refused(t, `set_sharing_mode('agent', '${agent}', 'public')`)).toBe('23514')
      await t.become(db.acme.member)
      for (const [, call] of refusals.filter(([, c]) => !/decline|accept/.test(c))) {
        expect([call, await refused(t, call)]).toEqual([call, 'ID203'])
      }
    }),
  )

  it(
    'refuses what the other side would not see, and a tenant that does not share',
    inWorld(async (t) => {
      for (const kind of kindNames) {
        const id = await createResource(t, kind, db.acme.member)
        await t.query(`update app_public.${kinds[kind]} set status = 'inactive' where id = $1`, [id])
        await t.become(db.acme.admin)
        for (const call of [
          `share_resource('${kind}', '${id}', 'granted')`,
          `set_sharing_mode('${kind}', '${id}', 'subtree')`,
        ]) {
          expect(await refused(t, call)).toBe('RS561')
        }
        await t.query(`update app_public.${kinds[kind]} set status = 'active' where id = $1`, [id])
        await t.query(`select app_public.delete_${kind}($1)`, [id])
        expect(await refused(t, `share_resource('${kind}', '${id}', 'granted')`)).toBe('RS301')
      }
      agent = await createResource(t, 'agent', db.acme.member)
      await asSuperuser(
        t,
        `update app_public.tenants set resource_access_config = '{"sharing": {"can_share_resources": false}}' where slug = 'acme'`,
      )
      await t.become(db.acme.owner)
      expect(await refused(t, `share_resource('agent', '${agent}', 'granted')`)).toBe('RS261')
      expect(await refused(t, `set_sharing_mode('agent', '${agent}', 'subtree')`)).toBe('RS261')
      expect(await refused(t, `set_sharing_mode('agent', '${agent}', 'private')`)).toBeUndefined()
    }),
  )

  it.each(kindNames)('leaves the columns of a %s alone: only functions write them', async (kind) => {
    await db.inTransaction(async (t) => {
      const id = await createResource(t, kind, db.acme.owner)
      expect(
        await t.errorCode(`update app_public.${kinds[kind]} set sharing_mode = 'platform' where id = $1`, [id]),
      ).toBe('42501')
      expect(
        await t.errorCode(`insert into app_public.${kinds[kind]} (name, sharing_mode) values ('x', 'platform')`),
      ).toBe('42501')
      for (const text of [
        `insert into app_public.resource_shares (resource_kind, resource_id, grantee_tenant_id) values ('agent', '${id}', '${db.globex.id}')`,
        `update app_public.resource_shares set declined_at = null`,
        `delete from app_public.resource_shares`,
        `delete from app_public.resource_sharing_audit`,
      ]) {
        expect(await t.errorCode(text)).toBe('42501')
      }
    })
  })

  it(
    'with the same grantee again only changes when it ends',
    inWorld(async (t) => {
      agent = await createResource(t, 'agent', db.acme.member)
      const first = await share(t, db.acme.admin, 'agent', agent, 'granted')
      const second = await share(t, db.acme.admin, 'agent', agent, 'granted', { expires_at: '2999-01-01' })
      expect(second).toBe(first)
      expect(await t.query('select expires_at from app_public.resource_shares')).toHaveLength(1)
      const third = await share(t, db.acme.admin, 'agent', agent, 'granted', { user_email: 'member@granted.test' })
      expect(third).not.toBe(first)
    }),
  )

  it(
    'keeps grants in every mode but private, and a mode that is true',
    inWorld(async (t) => {
      agent = await createResource(t, 'agent', db.acme.member)
      const set = async (mode: string) => {
        await t.become(db.acme.admin)
        return t.value('select app_public.set_sharing_mode($1, $2, $3)', ['agent', agent, mode])
      }
      const first = await share(t, db.acme.admin, 'agent', agent, 'granted')
      await share(t, db.acme.admin, 'agent', agent, 'stranger')
      expect(await set('subtree')).toBe('subtree')
      expect(await sees(t, member(), 'agent', agent)).toBe(true)
      expect(await sees(t, relation('the owner of a child'), 'agent', agent)).toBe(true)
      expect(await set('selected')).toBe('selected')
      expect(await sees(t, relation('the owner of a child'), 'agent', agent)).toBe(false)
      await t.become(db.acme.admin)
      await t.query('select app_public.revoke_share($1)', [first])
      expect(await modeOf(t, agent)).toBe('selected')
      expect(await t.value(`select app_public.revoke_shares('agent', $1)`, [agent])).toBe(1)
      expect(await modeOf(t, agent)).toBe('private')
      await share(t, db.acme.admin, 'agent', agent, 'granted')
      await set('subtree')
      expect(await t.value(`select app_public.revoke_shares('agent', $1)`, [agent])).toBe(1)
      expect(await modeOf(t, agent)).toBe('subtree')
      await share(t, db.acme.admin, 'agent', agent, 'granted')
      await set('private')
      expect(await t.value('select count(*)::int from app_public.resource_shares')).toBe(0)
      // what was granted once does not come back by itself
      await share(t, db.acme.admin, 'agent', agent, 'stranger')
      expect(await sees(t, member(), 'agent', agent)).toBe(false)
    }),
  )
})

describe.each(kindNames)('a share of a %s ends', (kind: Kind) => {
  const ends = (
    title: string,
    deed: (t: Transaction, id: string, shareId: string) => Promise<unknown>,
    undo?: (t: Transaction, id: string) => Promise<unknown>,
  ) =>
    it(
      title,
      inWorld(async (t) => {
        const id = await createResource(t, kind, db.acme.member)
        const shareId = await share(t, db.acme.admin, kind, id, 'granted')
        const isThere = async () => {
          const seen = await sees(t, member(), kind, id)
          expect(await t.value(`select catalog.is_visible_resource($1, $2)`, [kind, id])).toBe(seen)
          return seen
        }
        expect(await isThere()).toBe(true)
        await t.become(db.acme.owner)
        await deed(t, id, shareId)
        expect(await isThere()).toBe(false)
        if (undo) {
          await t.become(db.acme.owner)
          await undo(t, id)
          expect(await isThere()).toBe(true)
        }
      }),
    )
  const table = `app_public.${kinds[kind]}`
  const configure = (slug: string, config: string) => async (t: Transaction) =>
    asSuperuser(t, 'update app_public.tenants set resource_access_config = $2 where slug = $1', [slug, config])

  ends('when it is revoked', (t, _, shareId) => t.query('select app_public.revoke_share($1)', [shareId]))
  ends(
    'when it expires',
    async (t, id) => {
      await share(t, db.acme.admin, kind, id, 'granted', { expires_at: '2999-01-01' })
      await t.query(`select set_config('rowhouse.clock', '2999-01-01', true)`)
    },
    (t) => t.query(`select set_config('rowhouse.clock', '2998-12-31', true)`),
  )
  ends(
    'when the resource is deleted, and is taken up when it is restored',
    (t, id) => t.query(`select app_public.delete_${kind}($1)`, [id]),
    (t, id) => t.query(`select app_public.restore_${kind}($1)`, [id]),
  )
  ends(
    'when the resource is archived',
    (t, id) => t.query(`update ${table} set status = 'archived' where id = $1`, [id]),
    (t, id) => t.query(`update ${table} set status = 'active' where id = $1`, [id]),
  )
  if (kind !== 'prompt') {
    const column = kind === 'agent' ? 'is_active' : 'enabled'
    ends(
      'when the resource is switched off',
      (t, id) => t.query(`update ${table} set ${column} = false where id = $1`, [id]),
      (t, id) => t.query(`update ${table} set ${column} = true where id = $1`, [id]),
    )
  }
  ends(
    'while its tenant shares nothing',
    configure('acme', '{"sharing": {"can_share_resources": false}}'),
    configure('acme', '{"sharing": {"can_share_resources": true}}'),
  )
  ends(
    'while the other tenant receives nothing',
    configure('granted', '{"sharing": {"can_receive_shared": false}}'),
    configure('granted', '{}'),
  )
  ends(
    'while its tenant is suspended',
    (t) =>
      asSuperuser(
        t,
        `update app_public.tenants set status = 'suspended', suspension_reason = 'late' where slug = 'acme'`,
      ),
    (t) =>
      asSuperuser(t, `update app_public.tenants set status = 'active', suspension_reason = null where slug = 'acme'`),
  )
  ends(
    'when the other tenant declines it, until it accepts it',
    async (t, _, shareId) => {
      await become(t, owner())
      await t.query('select app_public.decline_share($1)', [shareId])
    },
    async (t, id) => {
      await become(t, owner())
      await t.query(
        'select app_public.accept_share(share_id) from app_public.received_shares() where resource_id = $1',
        [id],
      )
    },
  )

  it(
    'is switched off for what comes from the platform by the kind',
    inWorld(async (t) => {
      const id = await createResource(t, kind, db.platform.owner)
      await t.query(`select app_public.set_sharing_mode($1, $2, 'platform')`, [kind, id])
      expect(await sees(t, member(), kind, id)).toBe(true)
      const key = kind === 'knowledge_source' ? 'rag' : `${kind}s`
      await configure('granted', JSON.stringify({ shared_resources: { [key]: false } }))(t)
      expect(await sees(t, member(), kind, id)).toBe(false)
      expect(await sees(t, relation('the owner of a stranger'), kind, id)).toBe(true)
    }),
  )
})

describe('who it reaches follows', () => {
  it(
    'the hierarchy, as it is at any moment',
    inWorld(async (t) => {
      const id = await createResource(t, 'tool', db.acme.member)
      await t.become(db.acme.admin)
      await t.query(`select app_public.set_sharing_mode('tool', $1, 'subtree')`, [id])
      const move = (slug: string, parent: string | null) =>
        asSuperuser(
          t,
          `update app_public.tenants set parent_tenant_id = (select id from app_public.tenants where slug = $2) where slug = $1`,
          [slug, parent],
        )
      expect(await sees(t, relation('the owner of a grandchild'), 'tool', id)).toBe(true)
      await move('child', null)
      expect(await sees(t, relation('the owner of a grandchild'), 'tool', id)).toBe(false)
      await move('stranger', 'acme')
      expect(await sees(t, relation('the owner of a stranger'), 'tool', id)).toBe(true)
    }),
  )

  it(
    'membership: who leaves the tenant loses what was granted to them there, and the audit says so',
    inWorld(async (t) => {
      const id = await createResource(t, 'tool', db.acme.member)
      await share(t, db.acme.admin, 'tool', id, 'one', { user_email: 'chosen@one.test' })
      await asSuperuser(t, 'delete from app_public.user_tenants where tenant_id = $1 and user_id = $2', [
        world.tenants.one,
        relation('the one granted person').person?.userId,
      ])
      await t.become(db.acme.admin)
      expect(await t.value('select count(*)::int from app_public.resource_shares')).toBe(0)
      expect(
        await t.query(
          'select action, other_tenant_slug from app_public.resource_sharing_audit order by id desc limit 1',
        ),
      ).toEqual([{ action: 'revoked', other_tenant_slug: 'one' }])
    }),
  )

  it(
    'workspaces: a deleted one opens nothing, whoever joins is in',
    inWorld(async (t) => {
      const id = await createResource(t, 'prompt', db.acme.member)
      await share(t, db.acme.admin, 'prompt', id, 'team', { workspace_id: world.workspaceId })
      const teamOwner = relation('the owner beside the granted workspace')
      expect(await sees(t, teamOwner, 'prompt', id)).toBe(false)
      await asSuperuser(
        t,
        `insert into app_public.workspace_members (tenant_id, workspace_id, user_id, role) values ($1, $2, $3, 'owner')`,
        [world.tenants.team, world.workspaceId, teamOwner.person?.userId],
      )
      expect(await sees(t, teamOwner, 'prompt', id)).toBe(true)
      await become(t, teamOwner)
      await t.query('select app_public.delete_workspace($1)', [world.workspaceId])
      expect(await sees(t, teamOwner, 'prompt', id)).toBe(false)
    }),
  )
})

describe('either side', () => {
  let agent: string

  it(
    'sees what concerns it: the owner whom, the recipient what and from whom',
    inWorld(async (t) => {
      agent = await createResource(t, 'agent', db.acme.member)
      await share(t, db.acme.admin, 'agent', agent, 'one', { user_email: 'Chosen@one.test', expires_at: '2999-01-01' })
      const [own] = await t.query(`
        select app_public.resource_shares_resource_name(s) as name, app_public.resource_shares_grantee_tenant_slug(s) as slug,
               app_public.resource_shares_grantee_tenant_name(s) as tenant, app_public.resource_shares_grantee_user_email(s) as email,
               s as row
          from app_public.resource_shares s`)
      expect(own).toMatchObject({ name: 'the agent', slug: 'one', tenant: 'one', email: 'chosen@one.test' })
      await become(t, relation('the one granted person'))
      expect(
        await t.query(
          'select resource_name, from_tenant_slug, from_tenant_name, sharing_mode from app_public.received_shares()',
        ),
      ).toEqual([
        { resource_name: 'the agent', from_tenant_slug: 'acme', from_tenant_name: 'ACME', sharing_mode: 'selected' },
      ])
      // a row that one makes up oneself tells nothing
      expect(
        await t.value('select app_public.resource_shares_grantee_tenant_name($1::app_public.resource_shares)', [
          own?.row,
        ]),
      ).toBeNull()
    }),
  )

  it(
    'has its say: a recipient declines by its settings, a single one alone',
    inWorld(async (t) => {
      agent = await createResource(t, 'agent', db.acme.member)
      const whole = await share(t, db.acme.admin, 'agent', agent, 'granted')
      const single = await share(t, db.acme.admin, 'agent', agent, 'one', { user_email: 'chosen@one.test' })
      await become(t, member())
      expect(await t.errorCode('select app_public.decline_share($1)', [whole])).toBe('ID203')
      expect(await t.errorCode('select app_public.decline_share($1)', [single])).toBe('RS362')
      await become(t, relation('the one granted person'))
      await t.query('select app_public.decline_share($1)', [single])
      await t.query('select app_public.decline_share($1)', [single])
      expect(await t.value('select declined_at is not null from app_public.received_shares()')).toBe(true)
      expect(await sees(t, relation('the one granted person'), 'agent', agent)).toBe(false)
      // sharing again does not overrule a refusal
      await share(t, db.acme.admin, 'agent', agent, 'one', { user_email: 'chosen@one.test' })
      expect(await sees(t, relation('the one granted person'), 'agent', agent)).toBe(false)
    }),
  )

  it(
    'the owner reads every step in the audit, which nobody changes',
    inWorld(async (t) => {
      agent = await createResource(t, 'agent', db.acme.member)
      const shareId = await share(t, db.acme.admin, 'agent', agent, 'granted')
      await share(t, db.acme.owner, 'agent', agent, 'granted', { expires_at: '2999-01-01' })
      await become(t, owner())
      await t.query('select app_public.decline_share($1)', [shareId])
      await t.query('select app_public.accept_share($1)', [shareId])
      await t.query('select app_public.copy_agent($1)', [agent])
      await t.become(db.acme.owner)
      await t.query(`select app_public.set_sharing_mode('agent', $1, 'subtree')`, [agent])
      await t.query('select app_public.revoke_share($1)', [shareId])
      await t.query(`select app_public.set_sharing_mode('agent', $1, 'private')`, [agent])
      const audit = await t.query(`
        select action, from_mode, to_mode, other_tenant_slug as other, resource_name as name, user_id
          from app_public.resource_sharing_audit order by id`)
      const step = (action: string, user: string | null, more: object = {}) => ({
        action,
        from_mode: null,
        to_mode: null,
        other: 'granted',
        name: 'the agent',
        user_id: user,
        ...more,
      })
      const [admin, acmeOwner] = [db.acme.admin.userId, db.acme.owner.userId]
      expect(audit).toEqual([
        step('granted', admin),
        step('mode_changed', admin, { from_mode: 'private', to_mode: 'selected', other: null }),
        step('expiry_changed', acmeOwner),
        step('declined', null),
        step('accepted', null),
        step('copied', null),
        step('mode_changed', acmeOwner, { from_mode: 'selected', to_mode: 'subtree', other: null }),
        step('revoked', acmeOwner),
        step('mode_changed', acmeOwner, { from_mode: 'subtree', to_mode: 'private', other: null }),
      ])
      for (const text of [
        'update app_public.resource_sharing_audit set user_id = null',
        'delete from app_public.resource_sharing_audit',
        'truncate app_public.resource_sharing_audit',
      ]) {
        await t.becomeRole('rowhouse_owner', db.acme.id)
        expect(await t.errorCode(text)).toBe('RS961')
        await t.becomeSuperuser()
        expect(await t.errorCode(text)).toBe('RS961')
      }
    }),
  )

  it(
    'is deleted with all its shares and its audit',
    inWorld(async (t) => {
      agent = await createResource(t, 'agent', db.acme.member)
      await share(t, db.acme.admin, 'agent', agent, 'granted')
      const owned = await createResource(t, 'agent', owner().person as never, 'theirs')
      await share(t, owner().person as never, 'agent', owned, 'stranger')
      await asSuperuser(t, `select tenancy.delete_tenant('granted')`)
      expect(await t.value('select count(*)::int from app_public.resource_shares')).toBe(0)
      expect(
        await t.query('select distinct tenant_id, action from app_public.resource_sharing_audit order by action'),
      ).toEqual([
        { tenant_id: db.acme.id, action: 'mode_changed' },
        { tenant_id: db.acme.id, action: 'granted' },
        { tenant_id: db.acme.id, action: 'revoked' },
      ])
    }),
  )
})
