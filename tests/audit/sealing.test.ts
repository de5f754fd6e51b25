// Sealing and verifying. What a superuser does with the triggers off is found and named, by the database and from an export.

import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { beforeAll, describe, expect, it } from 'vitest'
import { signHeads } from '../../server/audit/sealing.ts'
import { createSigner } from '../../server/audit/signing.ts'
import { type Anchor, faultOfProof, readAnchor, type Verdict, verifyExport } from '../../server/audit/verify.ts'
import { needsServer, type Transaction, useDatabase } from '../helpers/index.ts'

const db = useDatabase()
const signer = createSigner('11'.repeat(32))
const publicKey = signer.publicKey.toString('hex')

/** Seals what was committed. What is settled is asked for until it is there. */
async function seal(): Promise<void> {
  const last = async () =>
    (await db.pool.query('select coalesce(max(id), 0)::bigint as id from audit.ledger')).rows[0].id
  const goal = BigInt(await last())
  for (let tries = 0; tries < 20_000; tries += 1) {
    const { rows } = await db.pool.query('select audit.settle() as id')
    if (BigInt(rows[0].id) < goal) continue
    while ((await db.pool.query('select audit.seal($1) as n', [rows[0].id])).rows[0].n !== null);
    break
  }
  await signHeads(async (text, values) => (await db.pool.query(text, values)).rows as never, signer)
}

const lines = (text: string[]): AsyncIterable<string> =>
  createInterface({ input: Readable.from(`${text.join('\n')}\n`) })

async function exportOf(t: Pick<Transaction, 'query'>, tenantId: string): Promise<string[]> {
  const found = await t.query<{ line: string }>(
    `select e.line from audit.batch_numbers($1, 0, 1000) as n, lateral audit.export_batch($1, n) with ordinality as e (line, i) order by n, e.i`,
    [tenantId],
  )
  return found.map(({ line }) => line)
}

async function anchorLines(): Promise<string[]> {
  return (await db.pool.query(`select line from audit.heads_to_anchor('nowhere', 1000)`)).rows.map(({ line }) => line)
}

beforeAll(async () => {
  // three batches of acme, the middle one of two entries and more
  for (let batch = 0; batch < 3; batch += 1) {
    for (let i = 0; i < 5; i += 1)
      await db.pool.query(`select audit.record('system', $2, $1, details => '{"n": 1.50}')`, [
        db.acme.id,
        `event_${batch}_${i}`,
      ])
    await db.pool.query(`select audit.record('system', 'other', $1)`, [db.globex.id])
    await seal()
  }
})

const idOf = (t: Transaction, operation: string): Promise<string> =>
  t.value(`select id::text from audit.ledger where tenant_id = $1 and operation = $2`, [db.acme.id, operation])

/** What a superuser does with the triggers off, and what both verifiers find of it. */
async function findingsAfter(
  tamper: (t: Transaction) => Promise<unknown>,
  anchor?: Anchor,
): Promise<{ inDatabase: string[]; inExport: string[]; verdict: Verdict }> {
  return db.inTransaction(async (t) => {
    await t.query('alter table audit.ledger disable trigger all')
    await t.query('alter table audit.ledger_default disable trigger all')
    await t.query('alter table audit.batches disable trigger all')
    await t.query('alter table audit.signatures disable trigger all')
    await tamper(t)
    const inDatabase = await t.query<{ problem: string; entry_id: string | null }>('select * from audit.verify($1)', [
      db.acme.id,
    ])
    const verdict = await verifyExport(lines(await exportOf(t, db.acme.id)), { publicKey, anchor })
    return {
      inDatabase: inDatabase.map(({ problem, entry_id }) => (entry_id ? `${problem} ${entry_id}` : problem)),
      inExport: verdict.findings.map(({ problem, entryId }) => (entryId ? `${problem} ${entryId}` : problem)),
      verdict,
    }
  })
}

describe('what nobody touched', () => {
  it('verifies, in the database and from the export alone', async () => {
    const { inDatabase, inExport, verdict } = await findingsAfter(
      async () => {},
      await readAnchor(lines(await anchorLines())),
    )
    expect([inDatabase, inExport]).toEqual([[], []])
    expect(verdict.batches).toBeGreaterThanOrEqual(3)
    expect(verdict.entries).toBeGreaterThanOrEqual(15)
  })

  it('is sealed once: a second run finds nothing', async () => {
    const count = async () => (await db.pool.query('select count(*)::int as n from audit.batches')).rows[0].n
    const before = await count()
    await seal()
    expect(await count()).toBe(before)
  })

  it('has every settled entry in exactly one batch', async () => {
    const { rows } = await db.pool.query(`
      select l.id from audit.ledger l
       where 1 <> (select count(*) from audit.batches b where b.tenant_id = l.tenant_id and l.id = any (b.row_ids))`)
    expect(rows).toEqual([])
  })

  it('a batch has at most 4,096 entries, and more become several', async () => {
    await db.pool.query(
      `select audit.record('system', 'bulk', '00000000-0000-4000-8000-000000000001') from generate_series(1, 5000)`,
    )
    await seal()
    const { rows } = await db.pool.query(
      `select cardinality(row_ids) as n from audit.batches where tenant_id = '00000000-0000-4000-8000-000000000001' order by number`,
    )
    expect(rows).toEqual([{ n: 4096 }, { n: 904 }])
  })
})

describe('what a superuser did with the triggers off is found and named', () => {
  it('an altered entry', async () => {
    let id = ''
    const found = await findingsAfter(async (t) => {
      id = await idOf(t, 'event_1_2')
      await t.query(`update audit.ledger set details = '{"n": 1.5}' where id = $1`, [id])
    })
    expect(found).toMatchObject({ inDatabase: [`altered ${id}`], inExport: [`altered ${id}`] })
  })

  it('a deleted entry', async () => {
    let id = ''
    const found = await findingsAfter(async (t) => {
      id = await idOf(t, 'event_1_2')
      await t.query('delete from audit.ledger where id = $1', [id])
    })
    expect(found).toMatchObject({ inDatabase: [`deleted ${id}`], inExport: [`deleted ${id}`] })
  })

  it('an inserted entry', async () => {
    const found = await findingsAfter((t) =>
      t.query(
        `insert into audit.ledger (tenant_id, id, occurred_at, kind, operation, actor, actor_name, actor_role)
         overriding system value values ($1, -5, now(), 'system', 'forged', 'system', 'x', 'x')`,
        [db.acme.id],
      ),
    )
    expect(found).toMatchObject({ inDatabase: ['inserted -5'], inExport: ['inserted -5'] })
  })

  it('two entries that changed places', async () => {
    let ids: string[] = []
    const found = await findingsAfter(async (t) => {
      ids = [await idOf(t, 'event_1_1'), await idOf(t, 'event_1_3')]
      await t.query('alter table audit.ledger alter id set generated by default')
      await t.query('update audit.ledger set id = -id where id = any ($1)', [ids])
      await t.query('update audit.ledger set id = $2::bigint where id = -$1::bigint', [ids[0], ids[1]])
      await t.query('update audit.ledger set id = $1::bigint where id = -$2::bigint', [ids[0], ids[1]])
    })
    const named = ids.map((id) => `reordered ${id}`)
    expect(found).toMatchObject({ inDatabase: named, inExport: named })
  })

  it('a batch that was sealed anew over an altered entry', async () => {
    const found = await findingsAfter(async (t) => {
      await t.query(`update audit.ledger set operation = 'other' where id = $1`, [await idOf(t, 'event_1_2')])
      const number = await t.value<number>(
        `select number from audit.batches where tenant_id = $1 and (select min(id) from audit.ledger where tenant_id = $1 and operation = 'other') = any (row_ids)`,
        [db.acme.id],
      )
      await t.query(
        `with forged as (
           select b.tenant_id, b.number, string_agg(audit.leaf_hash(audit.entry_text(l)), '' order by l.id) as leaves
             from audit.batches b join audit.ledger l on l.tenant_id = b.tenant_id and l.id = any (b.row_ids)
            where b.tenant_id = $1 and b.number = $2 group by 1, 2)
         update audit.batches b set leaves = f.leaves, root = audit.merkle_root(f.leaves) from forged f
          where b.tenant_id = f.tenant_id and b.number = f.number`,
        [db.acme.id, number],
      )
      await t.query(
        'update audit.batches b set head = sha256(convert_to(audit.batch_text(b), $3)) where tenant_id = $1 and number = $2',
        [db.acme.id, number, 'UTF8'],
      )
    })
    expect(found.inDatabase).toEqual(['chain_broken'])
    expect(found.inExport).toEqual(['wrong_signature', 'chain_broken'])
  })

  it('a batch that is missing, with its entries', async () => {
    const found = await findingsAfter(async (t) => {
      const number = await t.value<number>('select max(number) - 1 from audit.batches where tenant_id = $1', [
        db.acme.id,
      ])
      await t.query(
        'delete from audit.ledger where tenant_id = $1 and id = any ((select row_ids from audit.batches where tenant_id = $1 and number = $2)::bigint[])',
        [db.acme.id, number],
      )
      await t.query('delete from audit.signatures where tenant_id = $1 and number = $2', [db.acme.id, number])
      await t.query('delete from audit.batches where tenant_id = $1 and number = $2', [db.acme.id, number])
    })
    expect(found).toMatchObject({ inDatabase: ['batch_missing'], inExport: ['batch_missing'] })
  })

  it('a tail that was cut off is found with the anchor, and without it by nobody', async () => {
    const cut = async (t: Transaction): Promise<void> => {
      const after = await t.value('select max(after_id) from audit.batches where tenant_id = $1', [db.acme.id])
      await t.query('delete from audit.ledger where tenant_id = $1 and id > $2', [db.acme.id, after])
      await t.query(
        'delete from audit.signatures s using audit.batches b where b.tenant_id = $1 and b.after_id = $2 and s.tenant_id = b.tenant_id and s.number = b.number',
        [db.acme.id, after],
      )
      await t.query('delete from audit.batches where tenant_id = $1 and after_id = $2', [db.acme.id, after])
    }
    expect(await findingsAfter(cut)).toMatchObject({ inDatabase: [], inExport: [] })
    const anchor = await readAnchor(lines(await anchorLines()))
    expect(await findingsAfter(cut, anchor)).toMatchObject({ inDatabase: [], inExport: ['truncated'] })
  })

  it('an entry that was changed in the export only', async () => {
    const exported = await db.inTransaction((t) => exportOf(t, db.acme.id))
    const changed = exported.map((line) => line.replace('event_1_2', 'event_9_9'))
    expect((await verifyExport(lines(changed), { publicKey })).findings).toMatchObject([{ problem: 'altered' }])
  })
})

describe('the proof of one entry', () => {
  const proofOf = (operation: string): Promise<{ entry: string; path: unknown[]; signature: string }> =>
    db.inTransaction(async (t) => t.value('select audit.proof($1, $2)', [db.acme.id, await idOf(t, operation)]))

  it('holds for each entry of a batch, with the key that signed it', async () => {
    for (let i = 0; i < 5; i += 1) expect(faultOfProof(await proofOf(`event_1_${i}`), publicKey)).toBeUndefined()
  })

  it('does not hold for another text, on another way, or with another key', async () => {
    const proof = await proofOf('event_1_2')
    expect(faultOfProof({ ...proof, entry: proof.entry.replace('event_1_2', 'event_1_3') }, publicKey)).toBeDefined()
    expect(faultOfProof({ ...proof, path: proof.path.slice(1) }, publicKey)).toBeDefined()
    expect(faultOfProof(proof, '22'.repeat(32))).toBeDefined()
  })

  it('is given by the API to whoever may view the audit; of an entry that is not sealed there is none', async () => {
    await db.inTransaction(async (t) => {
      const sealed = await idOf(t, 'event_1_2')
      const open = await t.value(`select audit.record('system', 'open', $1)`, [db.acme.id])
      await t.become(db.acme.owner)
      expect(faultOfProof(await t.value('select app_public.audit_proof($1)', [sealed]), publicKey)).toBeUndefined()
      expect(await t.errorCode('select app_public.audit_proof($1)', [open])).toBe('UD301')
      expect(await t.query('select * from app_public.verify_audit()')).toEqual([])
      await t.become(db.globex.owner)
      expect(await t.errorCode('select app_public.audit_proof($1)', [sealed])).toBe('UD301')
    })
  })
})

describe('a transaction that commits late', () => {
  it('is waited for by the seal, and holds up no other writer', async (context) => {
    needsServer(context)
    const late = await db.pool.connect()
    try {
      await late.query('begin')
      await late.query(`select audit.record('system', 'late', $1)`, [db.acme.id])
      const early = (await db.pool.query(`select audit.record('system', 'early', $1) as id`, [db.acme.id])).rows[0].id
      for (let i = 0; i < 3; i += 1) {
        const { rows } = await db.pool.query('select audit.settle() as id')
        expect(BigInt(rows[0].id)).toBeLessThan(BigInt(early))
      }
      await late.query('commit')
    } finally {
      late.release()
    }
    await seal()
    const { rows } = await db.pool.query(
      `select l.operation from audit.ledger l join audit.batches b on b.tenant_id = l.tenant_id and l.id = any (b.row_ids)
        where l.operation in ('late', 'early') order by l.id`,
    )
    expect(rows).toEqual([{ operation: 'late' }, { operation: 'early' }])
    expect((await db.pool.query('select * from audit.verify($1)', [db.acme.id])).rows).toEqual([])
  })
})

it('a database that was restored on a new server seals on', async () => {
  await db.inTransaction(async (t) => {
    await t.query(`update audit.seal_state set marked_xid = '9000000000000000000', marked_id = 999999`)
    expect(await t.value('select audit.settle() = sealed_id from audit.seal_state')).toBe(true)
  })
})
