// Lists read own and shared rows apart and merge them. What they show must be what the table shows, to everyone.

import { describe, expect, it } from 'vitest'
import { useDatabase } from '../helpers/index.ts'
import { become, createResource, createWorld, kindNames, kinds, share } from './sharing-world.ts'

const db = useDatabase()

describe.each(kindNames)('the list of every %s', (kind) => {
  it('shows everyone what the table shows them, each row once and in one order', () =>
    db.inTransaction(async (t) => {
      const { relations, workspaceId } = await createWorld(db, t)
      const make = (name: string) => createResource(t, kind, db.acme.member, name)
      await make('a private one')
      const deleted = await make('b deleted one')
      const revoked = await make('c revoked one')
      const below = await make('d for those below')
      const shared = await make('e shared one')
      await share(t, db.acme.admin, kind, shared, 'granted')
      await share(t, db.acme.admin, kind, shared, 'one', { user_email: 'chosen@one.test' })
      await share(t, db.acme.admin, kind, shared, 'team', { workspace_id: workspaceId })
      const revokedShare = await share(t, db.acme.admin, kind, revoked, 'granted')
      await t.query('select app_public.revoke_share($1)', [revokedShare])
      await t.query('select app_public.set_sharing_mode($1, $2, $3)', [kind, below, 'subtree'])
      await t.query(`select app_public.delete_${kind}($1)`, [deleted])
      for (const [relation, { person, role }] of Object.entries(relations)) {
        if (person?.role === 'owner' && !role) await createResource(t, kind, person, `d of ${relation}`)
      }

      let foreign = 0
      for (const [relation, actor] of Object.entries(relations)) {
        await become(t, actor)
        const columns = 'id, tenant_id, name, deleted_at'
        const table = await t.query(`select ${columns} from app_public.${kinds[kind]} order by name, id`)
        const list = await t.query(`select ${columns} from catalog.visible_${kind}s() order by name, id`)
        expect([relation, list]).toEqual([relation, table])
        expect([relation, await t.value(`select count(*)::int from catalog.visible_${kind}s()`)]).toEqual([
          relation,
          table.length,
        ])
        const tenant = actor.person?.tenantId
        foreign += list.filter(({ tenant_id }) => tenant_id !== tenant).length
        expect(await t.query(`select from catalog.own_${kind}s where tenant_id is distinct from $1`, [tenant])).toEqual(
          [],
        )
        expect(await t.query(`select from catalog.foreign_${kind}s where tenant_id = $1`, [tenant])).toEqual([])
      }
      expect(foreign).toBeGreaterThan(5)
    }))
})

describe('the roles that lists read by', () => {
  it('read nothing but shareable resources, each behind its wall', () =>
    db.inTransaction(async (t) => {
      const gaps = () => t.query('select object, gap from core.security_gaps()')
      expect(await gaps()).toEqual([])
      await t.query('grant select on app_public.documents to rowhouse_own_rows')
      await t.query('drop policy tenant_isolation_of_shared_rows on app_public.agents')
      expect((await gaps()).map(({ object }) => object).sort()).toEqual(['app_public.agents', 'app_public.documents'])
    }))

  it('write nothing', () =>
    db.inTransaction(async (t) => {
      await t.query('grant update on app_public.agents to rowhouse_own_rows')
      expect((await t.query('select object from core.security_gaps()')).map(({ object }) => object)).toEqual([
        'app_public.agents',
      ])
    }))
})
