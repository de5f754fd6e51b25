// An optional argument is left out or null. Whatever a function then does, it ends well or with an error of the registry.

import { expect, it } from 'vitest'
import { useDatabase } from '../helpers/index.ts'
import { type Hit, search, withTexts } from '../helpers/knowledge.ts'
import { apiFunctionsOf, optionalCalls, registeredCodes } from '../helpers/optional-arguments.ts'

const db = useDatabase()
const names = await apiFunctionsOf('07_search')
const codes = await registeredCodes()

it('each function ends well or with an error of the registry', () =>
  db.inTransaction(async (t) => {
    await withTexts(db, t, ['wing flow', 'heat'])
    let count = 0
    for (const name of names) {
      for (const call of await optionalCalls(t, name, ({ name: argument }) =>
        argument === 'query' ? `'wing'` : 'null',
      )) {
        count++
        await t.become(db.acme.viewer)
        const code = await t.errorCode(call)
        if (code !== undefined) expect([call, code, codes.has(code)]).toEqual([call, code, true])
      }
    }
    expect(count).toBeGreaterThanOrEqual(6)
  }))

it('a search with null for everything that is optional is the search without it', () =>
  db.inTransaction(async (t) => {
    await withTexts(db, t, ['wing flow', 'wing', 'heat'])
    await t.become(db.acme.viewer)
    const hits = await t.query<Hit>(`select * from app_public.search('wing')`)
    expect(hits).not.toEqual([])
    expect(await t.query(`select * from app_public.search('wing', null, null, null, null)`)).toEqual(hits)
    expect(await search(t, db.acme.viewer, 'wing', 'bm25', 10, ', search.filter(), search.options()')).toEqual(hits)
  }))
