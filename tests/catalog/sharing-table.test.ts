// The truth table of sharing: kind × mode × relation × command, every cell, against a model of a dozen lines.

import { describe, expect, it } from 'vitest'
import { useDatabase } from '../helpers/index.ts'
import { type Actor, become, createResource, createWorld, type Kind, kindNames, kinds, share } from './sharing-world.ts'

const db = useDatabase()

const cases = [
  { mode: 'private', hasGrants: false },
  { mode: 'selected', hasGrants: true },
  { mode: 'subtree', hasGrants: false },
  { mode: 'subtree', hasGrants: true },
  { mode: 'platform', hasGrants: false },
  { mode: 'platform', hasGrants: true },
]

const isOfAcme = (relation: string): boolean => relation.endsWith('of acme') || relation === 'staff in acme'
const granted = [
  'the owner of a granted tenant',
  'a member of a granted tenant',
  'a viewer of a granted tenant',
  'the one granted person',
  'a member of the granted workspace',
  'staff in a granted tenant',
]
const below = ['the owner of a child', 'the owner of a grandchild']

function isVisible(relation: string, mode: string, hasGrants: boolean): boolean {
  if (relation === 'nobody') return false
  if (isOfAcme(relation) || mode === 'platform') return true
  return (hasGrants && granted.includes(relation)) || (mode === 'subtree' && below.includes(relation))
}

/** What a person's role in their own tenant allows, whatever they see. */
function may({ person, role }: Actor, kind: Kind, deed: 'edit' | 'create' | 'delete' | 'share'): boolean {
  if (!person) return false
  if (role === 'rowhouse_admin' || person.role === 'owner' || person.role === 'admin') return true
  if (person.role === 'viewer') return false
  return deed === 'edit' || deed === 'create' || (deed === 'delete' && kind === 'knowledge_source')
}

const outcomeOf = (allowed: boolean, there: boolean): string => (!allowed ? 'ID203' : there ? 'done' : 'RS301')

describe.each(kindNames)('a shared %s', (kind) => {
  it.each(cases)(
    'in mode $mode (grants: $hasGrants) is used by all it is for, and changed only at home',
    async (given) => {
      await db.inTransaction(async (t) => {
        const { relations, workspaceId, tenants } = await createWorld(db, t)
        const id = await createResource(t, kind, db.acme.member)
        if (given.hasGrants) {
          await share(t, db.acme.admin, kind, id, 'granted')
          await share(t, db.acme.admin, kind, id, 'one', { user_email: 'chosen@one.test' })
          await share(t, db.acme.admin, kind, id, 'team', { workspace_id: workspaceId })
        }
        await t.become(db.acme.admin)
        if (given.mode === 'platform')
          await become(t, { person: { ...db.platform.owner, tenantId: db.acme.id }, role: 'rowhouse_admin' })
        await t.query('select app_public.set_sharing_mode($1, $2, $3)', [kind, id, given.mode])
        const table = `app_public.${kinds[kind]}`

        const attempt = async (text: string): Promise<string> => {
          await t.query('savepoint deed')
          try {
            const rows = await t.query(text)
            return rows.length > 0 ? 'done' : 'nothing'
          } catch (error) {
            return (error as { code: string }).code
          } finally {
            await t.query('rollback to savepoint deed')
          }
        }
        const found: Record<string, Record<string, string>> = {}
        const expected: typeof found = {}
        for (const [relation, actor] of Object.entries(relations)) {
          await become(t, actor)
          const copyable = kind !== 'knowledge_source'
          found[relation] = {
            'select by id': await attempt(`select 1 from ${table} where id = '${id}'`),
            list: await attempt(`select 1 from (select id from ${table} order by name limit 100) l where id = '${id}'`),
            update: await attempt(`update ${table} set description = 'changed' where id = '${id}' returning 1`),
            delete: await attempt(`select app_public.delete_${kind}('${id}')`),
            share: await attempt(`select app_public.share_resource('${kind}', '${id}', 'globex')`),
            unshare: await attempt(`select app_public.set_sharing_mode('${kind}', '${id}', 'private')`),
            'see the shares': await attempt(
              `select 1 from app_public.resource_shares where resource_id = '${id}' limit 1`,
            ),
            'see shared_with': await attempt(
              `select 1 from ${table} r where id = '${id}' and cardinality(app_public.${kinds[kind]}_shared_with(r)) > 0`,
            ),
            'see the audit': await attempt(
              `select 1 from app_public.resource_sharing_audit where resource_id = '${id}' limit 1`,
            ),
            receive: await attempt(`select 1 from app_public.received_shares() where resource_id = '${id}' limit 1`),
            refer: await attempt(`select 1 where catalog.is_visible_resource('${kind}', '${id}')`),
            ...(copyable && { copy: await attempt(`select app_public.copy_${kind}('${id}')`) }),
          }
          const visible = isVisible(relation, given.mode, given.hasGrants)
          const own = isOfAcme(relation)
          const seen = visible ? 'done' : 'nothing'
          // the managers of a tenant see what single people and workspaces of it were given
          const received =
            (visible && !own) || (given.hasGrants && /^the owner beside/.test(relation)) ? 'done' : 'nothing'
          const mayAudit = may(actor, kind, 'share')
          const recorded = given.hasGrants || given.mode !== 'private'
          expected[relation] = {
            'select by id': seen,
            list: seen,
            update: own && may(actor, kind, 'edit') ? 'done' : 'nothing',
            delete: outcomeOf(may(actor, kind, 'delete'), own),
            share: outcomeOf(may(actor, kind, 'share'), own),
            unshare: outcomeOf(may(actor, kind, 'share'), own),
            'see the shares': own && given.hasGrants ? 'done' : 'nothing',
            'see shared_with': own && given.hasGrants ? 'done' : 'nothing',
            'see the audit': own && mayAudit && recorded ? 'done' : 'nothing',
            receive: received,
            refer: seen,
            ...(copyable && { copy: outcomeOf(may(actor, kind, 'create'), visible) }),
          }
        }
        expect(found).toEqual(expected)
        expect(Object.keys(tenants)).toHaveLength(9)
      })
    },
  )
})
