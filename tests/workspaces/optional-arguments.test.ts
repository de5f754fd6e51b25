// An optional argument is left out or null. Whatever a function then does, it ends well or with an error of the registry.

import { beforeAll, expect, it } from 'vitest'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { apiFunctionsOf, optionalCalls, registeredCodes } from '../helpers/optional-arguments.ts'
import { newProject } from './helpers.ts'

const db = useDatabase()
const names = await apiFunctionsOf('04_workspaces')
let codes: Set<string>
beforeAll(async () => {
  codes = await registeredCodes()
})

const rowsFor = async (t: Transaction): Promise<Record<string, string>> => {
  await t.become(db.acme.admin)
  return {
    workspace_id: await t.value(`select id from app_public.create_workspace('w')`),
    id: await t.value(`select id from ${newProject}`, [{ name: 'p' }]),
    institution_id: await t.value(`insert into app_public.institutions (name) values ('i') returning id`),
    user_id: db.acme.viewer.userId,
  }
}
const literalFor = (ids: Record<string, string>, name: string, type: string): string =>
  type === 'uuid' ? `'${ids[name] ?? ids.id}'` : type === 'text' ? `'New'` : 'null'

it.each(['member', 'admin', 'staff'] as const)('as %s, each ends well or with an error of the registry', (role) =>
  db.inTransaction(async (t) => {
    const ids = await rowsFor(t)
    for (const name of names) {
      for (const call of await optionalCalls(t, name, (argument) => literalFor(ids, argument.name, argument.type))) {
        await t.query('savepoint before_call')
        await (role === 'staff'
          ? t.become({ ...db.platform.owner, tenantId: db.acme.id }, 'rowhouse_admin')
          : t.become(db.acme[role]))
        const code = await t.errorCode(call)
        if (code !== undefined) expect([call, code, codes.has(code)]).toEqual([call, code, true])
        await t.query('rollback to savepoint before_call')
      }
    }
  }),
)

it('at least 4 functions have optional arguments, so that this tests something', () =>
  db.inTransaction(async (t) => {
    let count = 0
    for (const name of names) if ((await optionalCalls(t, name, () => 'null')).length > 0) count++
    expect(count).toBeGreaterThanOrEqual(4)
  }))
