// What ingest assumed about files is known afterwards, and shown.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createPool } from '../../server/database.ts'
import { assumptionsOf, findOrCreateSource, loadFiles } from '../../server/ingest.ts'
import { operatorIdentity } from '../../server/seed.ts'
import { useDatabase } from '../helpers/index.ts'

const db = useDatabase()

it('a separator and an encoding that were found are told with the documents they concern', async () => {
  const pool = createPool(db.url, 'rowhouse_authenticator', 2)
  const directory = await mkdtemp(join(tmpdir(), 'rowhouse-assumptions-'))
  const latin = 'id;text\n1;Der Laden öffnet um neun, und die Tür schließt sich.\n2;Schöne Grüße aus München\n'
  await writeFile(join(directory, 'a.csv'), Buffer.from(latin, 'latin1'))
  await writeFile(join(directory, 'b.csv'), 'id,text\n3,plain\n')
  const actor = await operatorIdentity(pool, 'acme')
  const source = await findOrCreateSource(pool, actor, 'assumptions')
  await loadFiles(pool, actor, source, [directory])
  expect(await assumptionsOf(pool, actor, source)).toEqual([
    {
      assumed: ['encoding', 'separator'],
      encoding: 'windows-1252',
      separator: ';',
      count: 2,
      example: expect.stringContaining('1'),
    },
  ])
  await rm(directory, { recursive: true })
  await pool.end()
})
