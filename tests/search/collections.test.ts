// Small collections in languages other than English, with known answers (tests/helpers/collections.ts).

import { describe, expect, it } from 'vitest'
import { type Collection, chinese, german, japanese, korean, thai } from '../helpers/collections.ts'
import { useDatabase } from '../helpers/index.ts'
import { addDocuments, createSource, processDocuments, search } from '../helpers/knowledge.ts'

const db = useDatabase()

const collections: Record<string, Collection> = { chinese, japanese, thai, korean, german }

describe('of a collection whose language is detected', () => {
  it.each(Object.entries(collections))(
    'in %s, the texts that answer a question come first',
    (_name, { texts, answers }) =>
      db.inTransaction(async (t) => {
        const sourceId = await createSource(t, db.acme.member)
        await addDocuments(
          t,
          db.acme.member,
          sourceId,
          Object.entries(texts).map(([externalId, text]) => ({ externalId, title: `#${externalId}`, text })),
        )
        await processDocuments(t, db.acme.id)
        for (const [question, expected] of Object.entries(answers)) {
          const titles = (await search(t, db.acme.viewer, question)).map(({ title }) => title.slice(1))
          expect(titles.slice(0, expected.length).sort(), question).toEqual([...expected].sort())
        }
      }),
  )
})
