// What npm run person and npm run tenant share: an export that is written here and saved to a file, and an erasure that is carried out
// here. Neither needs a running worker; a worker that takes up the same job finds it done.

import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Pool } from 'pg'
import { type Ask, writeExport } from './exports.ts'

type Subject = { email?: string | undefined; slug?: string | undefined }
type Erasure = {
  id: string
  tenant_id: string
  is_dry_run: boolean
  counts: Record<string, Record<string, number | string>>
}

export async function exportTo(admin: Pool, { email, slug }: Subject, path: string): Promise<void> {
  const ask: Ask = async (text, values) => (await admin.query(text, values)).rows as never
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
  const { rows } = await admin.query<Erasure>('select * from governance.open_erasure($1, $2, $3)', [
    email,
    slug,
    isDryRun,
  ])
  const { id, tenant_id: tenantId, counts } = rows[0] as Erasure
  if (isDryRun) {
    console.table(counts)
    console.log('Nothing was erased. Add --yes to do it, for good.')
    return
  }
  for (let status = 'running'; status === 'running'; ) {
    const answer = await admin.query<{ status: string }>('select governance.continue_erasure($1, $2) as status', [
      tenantId,
      id,
    ])
    status = answer.rows[0]?.status ?? 'completed'
    if (status === 'held')
      throw new Error('A legal hold keeps a part. The rest is erased, and this goes on when the hold is released.')
  }
  const receipt = await admin.query<{ json: string }>(
    'select governance.receipt_json(r) as json from governance.erasure_receipts r where r.id = $1',
    [id],
  )
  console.log(receipt.rows[0]?.json)
}
