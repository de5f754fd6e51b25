// Deleting and restoring: one rule for the five kinds.

import { describe, expect, it } from 'vitest'
import { useDatabase } from '../helpers/index.ts'
import { create, find, insertOf, kindNames, kinds } from './helpers.ts'

const db = useDatabase()

describe.each(kindNames)('a deleted %s', (kind) => {
  it('is not seen by viewers, and comes back as it was', () =>
    db.inTransaction(async (t) => {
      const id = await create(t, db.acme.admin, kind, { name: 'x', description: 'kept' })
      await t.query(`select app_public.delete_${kind}($1)`, [id])
      expect((await find(t, kind, id))?.deleted_at).toBeInstanceOf(Date)
      await t.become(db.acme.viewer)
      expect(await find(t, kind, id)).toBeUndefined()
      await t.become(db.acme.admin)
      await t.query(`select app_public.restore_${kind}($1)`, [id])
      await t.become(db.acme.viewer)
      expect(await find(t, kind, id)).toMatchObject({ name: 'x', description: 'kept', deleted_at: null })
    }))

  it('leaves its name, any number of times, and comes back only while the name is free', () =>
    db.inTransaction(async (t) => {
      const ids: string[] = []
      for (let i = 0; i < 3; i += 1) {
        ids.push(await create(t, db.acme.admin, kind, { name: 'again' }))
        await t.query(`select app_public.delete_${kind}($1)`, [ids.at(-1)])
      }
      expect(await t.errorCode(`select app_public.restore_${kind}($1)`, [ids[0]])).toBeUndefined()
      expect(await t.errorCode(`select app_public.restore_${kind}($1)`, [ids[1]])).toBe('RS520')
      expect(await t.errorCode(...insertOf(kind, { name: 'again' }))).toBe('23505')
    }))

  it('cannot be deleted or edited again, and what was never deleted cannot be restored', () =>
    db.inTransaction(async (t) => {
      const id = await create(t, db.acme.admin, kind)
      expect(await t.errorCode(`select app_public.restore_${kind}($1)`, [id])).toBe('RS302')
      await t.query(`select app_public.delete_${kind}($1)`, [id])
      expect(await t.errorCode(`select app_public.delete_${kind}($1)`, [id])).toBe('RS301')
      expect(
        await t.query(`update app_public.${kinds[kind].table} set description = 'x' where id = $1 returning id`, [id]),
      ).toEqual([])
    }))

  it('is none of another tenant’s business', () =>
    db.inTransaction(async (t) => {
      const id = await create(t, db.acme.admin, kind)
      await t.become(db.globex.owner)
      expect(await t.errorCode(`select app_public.delete_${kind}($1)`, [id])).toBe('RS301')
      expect(await t.errorCode(`select app_public.delete_${kind}(null)`)).toBe('RS301')
      await t.become(db.acme.admin)
      await t.query(`select app_public.delete_${kind}($1)`, [id])
      await t.become(db.globex.owner)
      expect(await t.errorCode(`select app_public.restore_${kind}($1)`, [id])).toBe('RS302')
    }))
})

describe('who may', () => {
  const permissions = {
    agent: ['can_create_agents', 'can_edit_agents', 'can_delete_agents'],
    knowledge_source: ['can_manage_knowledge', 'can_manage_knowledge', 'can_manage_knowledge'],
    tool: ['can_create_resources', 'can_edit_resources', 'can_delete_resources'],
    prompt: ['can_create_resources', 'can_edit_resources', 'can_delete_resources'],
    workflow: ['can_create_resources', 'can_edit_resources', 'can_delete_resources'],
  }

  it.each(kindNames)('create, edit and delete a %s goes by its three permissions, and by nothing else', (kind) =>
    db.inTransaction(async (t) => {
      const all = [...new Set(Object.values(permissions).flat())]
      const id = await create(t, db.acme.owner, kind)
      const deeds = [
        async () => (await t.errorCode(...insertOf(kind))) === undefined,
        async () =>
          (
            await t.query(`update app_public.${kinds[kind].table} set description = 'x' where id = $1 returning 1`, [
              id,
            ])
          ).length === 1,
        async () => {
          const code = await t.errorCode(`select app_public.delete_${kind}($1)`, [id])
          if (code !== undefined) expect(code).toBe('ID203')
          return code === undefined
        },
      ]
      for (const [i, deed] of deeds.entries()) {
        for (const granted of all) {
          await t.becomeSuperuser()
          await t.query(`update app_public.user_tenants set permissions = $1 where tenant_id = $2 and user_id = $3`, [
            Object.fromEntries(all.map((key) => [key, key === granted])),
            db.acme.id,
            db.acme.member.userId,
          ])
          await t.query('savepoint deed')
          await t.become(db.acme.member)
          expect([kind, i, granted, await deed()]).toEqual([kind, i, granted, granted === permissions[kind][i]])
          await t.query('rollback to savepoint deed')
        }
      }
    }),
  )

  it('a viewer may nothing of it', () =>
    db.inTransaction(async (t) => {
      for (const kind of kindNames) {
        const id = await create(t, db.acme.owner, kind)
        await t.become(db.acme.viewer)
        expect(await t.errorCode(...insertOf(kind))).toBe('42501')
        expect(await t.errorCode(`select app_public.delete_${kind}($1)`, [id])).toBe('ID203')
      }
    }))
})
