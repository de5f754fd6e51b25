// An optional argument is left out or null. Whatever a function then does, it ends well or with an error of the registry.

import { expect, it } from 'vitest'
import { useDatabase } from '../helpers/index.ts'
import { addDocuments, createSource, processDocuments } from '../helpers/knowledge.ts'
import { apiFunctionsOf, optionalCalls, registeredCodes } from '../helpers/optional-arguments.ts'

const db = useDatabase()
const names = await apiFunctionsOf('06_knowledge')
const codes = await registeredCodes()

it.each(['pending', 'completed', 'failed'])(
  'of a %s document, each ends well or with an error of the registry',
  (state) =>
    db.inTransaction(async (t) => {
      const source = await createSource(t, db.acme.member)
      const [receipt] = await addDocuments(t, db.acme.member, source, [{ externalId: 'a', text: 'A wing.' }])
      const id = receipt?.document_id as string
      if (state === 'completed') await processDocuments(t, db.acme.id)
      if (state === 'failed') {
        await t.becomeRole('rowhouse_worker')
        await t.query(`select knowledge.fail_documents($1, $2, 'chunk', null)`, [db.acme.id, [id]])
      }
      const given: Record<string, string> = {
        id: `'${id}'`,
        source_id: `'${source}'`,
        file_name: `'a.txt'`,
        content_base64: `'eA=='`,
      }
      let count = 0
      for (const name of names) {
        for (const call of await optionalCalls(t, name, (argument) => given[argument.name] ?? 'null')) {
          count++
          await t.query('savepoint before_call')
          await t.become(db.acme.member)
          const code = await t.errorCode(call)
          if (code !== undefined) expect([call, code, codes.has(code)]).toEqual([call, code, true])
          await t.query('rollback to savepoint before_call')
        }
      }
      expect(count).toBeGreaterThanOrEqual(10)
    }),
)

it('the fields of a document may be null, and what must not be is refused in its receipt', () =>
  db.inTransaction(async (t) => {
    const source = await createSource(t, db.acme.member)
    const create = `select outcome, error from app_public.create_documents($1, array[$2]::app_public.new_document[])`
    await t.become(db.acme.member)
    expect(await t.query(create, [source, '(a,,x,)'])).toEqual([{ outcome: 'created', error: null }])
    for (const bad of ['(a,,,)', '(,,x,)', '(,,,)', null]) {
      expect(await t.query(create, [source, bad])).toMatchObject([{ outcome: 'refused', error: expect.any(String) }])
    }
  }))
