// npm run audit -- export | verify | proof | check-proof | anchors: the sealed audit from the command line. verify and check-proof
// need no database when they are given files.

import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import type pg from 'pg'
import { exported } from '../server/audit/sealing.ts'
import { signerOf } from '../server/audit/signing.ts'
import { faultOfProof, readAnchor, type Verdict, verifyExport } from '../server/audit/verify.ts'
import { orFail, required, UsageError, withTool } from '../server/cli.ts'
import { createPool } from '../server/database.ts'
import type { Ask } from '../server/exports.ts'
import { operatorIdentity } from '../server/seed.ts'

const usage = `Usage: npm run audit -- export --tenant SLUG|ID
       npm run audit -- verify --export FILE|--tenant SLUG|ID [--anchor FILE] [--key PUBLIC_KEY]
       npm run audit -- proof --tenant SLUG|ID --entry ID
       npm run audit -- check-proof FILE [--key PUBLIC_KEY]
       npm run audit -- anchors`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    tenant: { type: 'string' },
    export: { type: 'string' },
    anchor: { type: 'string' },
    key: { type: 'string' },
    entry: { type: 'string' },
  },
})
const [command, file] = positionals

/** Opened when the first line is asked for: readline loses what it reads before. */
async function* linesOf(path: string): AsyncIterable<string> {
  yield* createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })
}

if (command === 'verify' && values.export) await orFail(() => verify(linesOf(required(values.export, usage))))
else if (command === 'check-proof') await orFail(checkProof)
else if (command && ['export', 'verify', 'proof', 'anchors'].includes(command)) await withDatabase(command)
else
  await orFail(async () => {
    throw new UsageError(usage)
  })

async function withDatabase(command: string): Promise<void> {
  await withTool(async ({ config, database, pool: server }) => {
    const pool = createPool(database.url, 'rowhouse_worker', 2)
    try {
      if (command === 'anchors') return await listAnchors(pool, (await signerOf(config))?.publicKey.toString('hex'))
      const tenant = required(values.tenant, usage)
      // a tenant that is gone has its audit, but no slug any more
      const isId = /^[0-9a-f-]{36}$/i.test(tenant)
      const tenantId = isId ? tenant.toLowerCase() : (await operatorIdentity(server, tenant)).tenant_id
      const ask: Ask = async (text, values) => (await pool.query(text, values)).rows as never
      if (command === 'verify') await verify(exported(ask, tenantId))
      else if (command === 'export') for await (const line of exported(ask, tenantId)) process.stdout.write(`${line}\n`)
      else await printProof(pool, tenantId)
    } finally {
      await pool.end()
    }
  })
}

async function verify(lines: AsyncIterable<string>): Promise<void> {
  const anchor = values.anchor ? await readAnchor(linesOf(values.anchor)) : undefined
  const verdict = await verifyExport(lines, { publicKey: values.key, anchor })
  report(verdict)
  if (!values.anchor) console.log('Without an anchor nobody can tell whether the last batches were cut off.')
  if (!values.key) console.log('Without --key each batch was checked with the key that it names itself.')
}

function report({ batches, entries, findings }: Verdict): void {
  for (const { tenantId, batch, problem, entryId } of findings)
    console.log(`${problem}: tenant ${tenantId}, batch ${batch}${entryId ? `, entry ${entryId}` : ''}`)
  console.log(`${batches} batches, ${entries} entries, ${findings.length} findings`)
  if (findings.length > 0) process.exitCode = 1
}

async function printProof(pool: pg.Pool, tenantId: string): Promise<void> {
  const { rows } = await pool.query<{ proof: unknown }>('select audit.proof($1, $2) as proof', [
    tenantId,
    required(values.entry, usage),
  ])
  console.log(JSON.stringify(rows[0]?.proof, null, 2))
}

async function checkProof(): Promise<void> {
  const fault = faultOfProof(JSON.parse(await readFile(required(file, usage), 'utf8')), values.key)
  if (fault) throw new Error(fault)
  console.log('The entry was sealed in this batch, and the batch is signed.')
}

async function listAnchors(pool: pg.Pool, publicKey: string | undefined): Promise<void> {
  const { rows } = await pool.query('select * from audit.list_deliveries()')
  console.table(rows)
  console.log(publicKey ? `Public key: ${publicKey}` : 'There is no key that signs: set AUDIT_SIGNING_KEY.')
}
