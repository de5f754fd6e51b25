// What npm run person and npm run tenant share: an export that is written here and saved to a file, and an erasure that is carried out
// here. Neither needs a running worker; a worker that takes up the same job finds it done.

import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Pool } from 'pg'
import { carryOutErasure } from './erasures.ts'
import { type Ask, writeExport } from './exports.ts'

type Subject = { email?: string | undefined; slug?: string | undefined }
type Erasure = {
  id: string
  tenant_id: string
  counts: Record<string, Record<string, number | string>>
}

const asking =
  (admin: Pool): Ask =>
  async (text, values) =>
    (await admin.query(text, values)).rows as never

export async function exportTo(admin: Pool, { email, slug }: Subject, path: string): Promise<void> {
  const ask = asking(admin)
  const [opened] = await ask<{ tenant_id: string; id: string }>('select * from governance.open_export($1, $2)', [
    email,
    slug,
  ])
  const { tenant_id: tenantId, id: exportId } = opened as { tenant_id: string; id: string }
  if (!(await writeExport(ask, { tenantId, exportId }))) throw new Error('The export was cancelled.')
  async function* parts(): AsyncGenerator<Buffer> {
    for (let number = 0; ; number += 1) {
      const [row] = await ask<{ content: Buffer }>('select * from governance.take_part($1, $2, $3)', [
        tenantId,
        exportId,
        number,
      ])
      if (!row?.content) return
      yield row.content
    }
  }
  // what is there is not overwritten, and only its owner reads what is new
  await pipeline(Readable.from(parts(), { objectMode: false }), createWriteStream(path, { flags: 'wx', mode: 0o600 }))
  console.log(`Wrote ${path}.`)
}

export async function erase(admin: Pool, { email, slug }: Subject, isDryRun: boolean): Promise<void> {
  const ask = asking(admin)
  const [opened] = await ask<Erasure>('select * from governance.open_erasure($1, $2, $3)', [email, slug, isDryRun])
  const { id, tenant_id: tenantId, counts } = opened as Erasure
  if (isDryRun) {
    console.table(counts)
    console.log('Nothing was erased. Add --yes to do it, for good.')
    return
  }
  if ((await carryOutErasure(ask, { tenantId, erasureId: id })) === 'held')
    throw new Error('A legal hold keeps a part. The rest is erased, and this goes on when the hold is released.')
  const [receipt] = await ask<{ json: string }>(
    'select governance.receipt_json(r) as json from governance.erasure_receipts r where r.id = $1',
    [id],
  )
  console.log(receipt?.json)
}
