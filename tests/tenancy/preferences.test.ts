// Preferences, notification settings, first steps: one's own, known keys only.

import { describe, expect, it } from 'vitest'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { createStranger } from '../helpers/invitations.ts'
import { addDocuments, createSource, processDocuments } from '../helpers/knowledge.ts'

const db = useDatabase()
const kinds = [
  ['preferences', 'my_preferences', 'update_preferences', 'theme', 'dark', 'system'],
  ['notification settings', 'my_notification_settings', 'update_notification_settings', 'digest', 'weekly', 'none'],
] as const

describe.each(kinds)('%s', (_name, mine, update, key, value, preset) => {
  const patch = (t: Transaction, change: unknown) =>
    t.value(`select app_public.${update}($1)`, [JSON.stringify(change)])

  it('have defaults, keep what is set, and go back to the default with null', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.viewer)
      const before = await t.value(`select app_public.${mine}()`)
      expect(before).toMatchObject({ [key]: preset })
      expect(await patch(t, { [key]: value })).toEqual({ ...(before as object), [key]: value })
      expect(await patch(t, {})).toMatchObject({ [key]: value })
      await t.become(db.acme.owner)
      expect(await t.value(`select app_public.${mine}()`)).toEqual(before)
      await t.become(db.acme.viewer)
      expect(await patch(t, { [key]: null })).toEqual(before)
    }))

  it('belong to the person, in whichever tenant and in none', () =>
    db.inTransaction(async (t) => {
      await t.become({ ...db.acme.viewer, tenantId: '' })
      await patch(t, { [key]: value })
      await t.become(db.acme.viewer)
      expect(await t.value(`select app_public.${mine}()`)).toMatchObject({ [key]: value })
    }))

  it('refuse what they do not know, and name it', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.viewer)
      const refused = async (change: unknown): Promise<string> => {
        await t.query('savepoint refused')
        try {
          await patch(t, change)
          return ''
        } catch (error) {
          await t.query('rollback to savepoint refused')
          const { code, message } = error as { code: string; message: string }
          return `${code} ${message}`
        }
      }
      expect(await refused({ [key]: value, colour: 1 })).toMatch(/^TN402 .*"colour"/)
      for (const wrong of [1, true, {}, [], [value], 'nonsense', ''])
        expect(await refused({ [key]: wrong })).toMatch(new RegExp(`^TN403 .*"${key}"`))
      for (const wrong of [[], 'x', 1, null]) expect(await refused(wrong)).toMatch(/^TN403/)
      expect(await t.value(`select app_public.${mine}()`)).toMatchObject({ [key]: preset })
    }))

  it('cannot be read or written past the functions, not even by an owner', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      const column = update.slice('update_'.length)
      expect(await t.errorCode(`select ${column} from app_public.user_profiles`)).toBe('42501')
      expect(await t.errorCode(`update app_public.user_profiles set ${column} = '{}'`)).toBe('42501')
      await t.becomeSuperuser()
      expect(await t.errorCode(`update app_public.user_profiles set ${column} = '{"colour": 1}'`)).toBe('23514')
      expect(await t.errorCode(`update app_public.user_profiles set ${column} = '[]'`)).toBe('23514')
    }))
})

describe('preferences', () => {
  it.each([
    ['pageSize', 50, true],
    ['pageSize', 9, false],
    ['pageSize', 201, false],
    ['pageSize', 50.5, false],
    ['pageSize', '50', false],
    ['timezone', 'Europe/Berlin', true],
    ['timezone', 'Europe/Atlantis', false],
    ['timezone', 5, false],
    ['language', 'pt-BR', true],
    ['language', 'Portuguese!', false],
    ['sidebarCollapsed', true, true],
    ['sidebarCollapsed', 'true', false],
  ])('%s = %j: %s', (key, value, isGood) =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.viewer)
      expect(await t.errorCode('select app_public.update_preferences($1)', [{ [key]: value }])).toBe(
        isGood ? undefined : 'TN403',
      )
    }),
  )
})

describe('the first steps', () => {
  const steps = async (t: Transaction): Promise<Record<string, boolean>> =>
    Object.fromEntries(
      (
        await t.query<{ key: string; is_done: boolean }>('select key, is_done from app_public.onboarding_checklist()')
      ).map(({ key, is_done }) => [key, is_done]),
    )

  it('are done when what they make is there', () =>
    db.inTransaction(async (t) => {
      await t.query(`delete from app_public.user_tenants where tenant_id = $1 and role <> 'owner'`, [db.acme.id])
      await t.query(`update app_public.user_profiles set full_name = null where id = $1`, [db.acme.owner.userId])
      await t.become(db.acme.owner)
      const nothing = {
        name_profile: false,
        create_agent: false,
        load_document: false,
        search: false,
        invite_colleague: false,
      }
      expect(await steps(t)).toEqual(nothing)
      await t.query(`update app_public.user_profiles set full_name = 'Ann' where id = $1`, [db.acme.owner.userId])
      await t.query(`insert into app_public.agents (name) values ('desk')`)
      await t.query(`select from app_public.invite_user('b@example.test')`)
      const source = await createSource(t, db.acme.owner)
      await addDocuments(t, db.acme.owner, source, [{ externalId: '1', text: 'Hello.' }])
      expect(await steps(t)).toEqual({ ...nothing, name_profile: true, create_agent: true, invite_colleague: true })
      await processDocuments(t, db.acme.id)
      await t.become(db.acme.owner)
      await t.query(`select from app_public.search('hello')`)
      expect(Object.values(await steps(t))).toEqual([true, true, true, true, true])
    }))

  it('are those one may take', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.viewer)
      expect(Object.keys(await steps(t))).toEqual(['name_profile', 'search'])
      await t.become(db.acme.member)
      expect(Object.keys(await steps(t))).toEqual(['name_profile', 'create_agent', 'load_document', 'search'])
      await t.become(await createStranger(t, 'ann@example.test'))
      expect(await steps(t)).toEqual({ name_profile: false, join_tenant: false })
    }))

  it('can be closed and opened again', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.viewer)
      const isCompleted = () => t.value('select onboarding_completed from app_public.current_user_profile()')
      expect(await isCompleted()).toBe(false)
      await t.query('select app_public.complete_onboarding()')
      expect(await isCompleted()).toBe(true)
      await t.query('select app_public.restart_onboarding()')
      expect(await isCompleted()).toBe(false)
    }))
})
