// What a quantised vector index loses: the ten nearest it finds beside those of an exact search, and its size. The index
// is the model's own, of all tenants' vectors, so what was there before is put back.

import { mean } from '../evaluation.ts'
import type { Hit } from './fusion.ts'
import type { Model, Rankings, Scratch } from './scratch.ts'

export const quantizations = ['none', 'halfvec', 'binary'] as const
export type Quantization = Model['vector_quantization']
type Statements = { drop_statement: string; create_statement: string }

const limit = 10
/** More vectors than any tenant has, so that all are compared. */
const noLimit = 999_999_999
/** Vectors that are equally near are equally good. */
const tie = 1e-9

export async function measureQuantizations(scratch: Scratch, names: Quantization[]): Promise<void> {
  const { admin, model, queries } = scratch
  await scratch.configure({ exactVectorLimit: noLimit })
  const exact = await scratch.search(queries, { mode: 'vector', limit })
  await scratch.configure({ exactVectorLimit: 0 })

  const { rows } = await admin.query<{ ready: boolean }>('select search.vector_index_is_ready($1) as ready', [model.id])
  const hadIndex = rows[0]?.ready ?? false
  console.log('quantization  recall@10  index')
  try {
    for (const name of names) {
      await setQuantization(scratch, name)
      const statements = await statementsOf(scratch)
      if (!statements) {
        console.log(`${name.padEnd(12)}  -          vectors of ${model.dimension} dimensions are too long for one`)
        continue
      }
      await build(scratch, statements)
      const before = await usesOfIndex(scratch)
      const found = await scratch.search(queries, { mode: 'vector', limit, prefersIndex: true })
      const { scans, bytes, vectors } = await usesOfIndex(scratch)
      if (scans - before.scans < queries.length)
        throw new Error(
          `The planner did not use the index in ${queries.length - scans + before.scans} of the searches.`,
        )
      console.log(
        `${name.padEnd(12)}  ${recallBeside(exact, found).toFixed(4)}     ${(bytes / 1024 ** 2).toFixed(1)} MiB for ${vectors} vectors`,
      )
    }
  } finally {
    await putBack(scratch, hadIndex)
  }
}

async function putBack(scratch: Scratch, hadIndex: boolean): Promise<void> {
  await setQuantization(scratch, scratch.model.vector_quantization)
  await scratch.admin.query(`drop index concurrently if exists ${await indexName(scratch)}`)
  const statements = hadIndex ? await statementsOf(scratch) : undefined
  if (statements) await scratch.admin.query(statements.create_statement)
}

async function setQuantization({ admin, model }: Scratch, name: Quantization): Promise<void> {
  await admin.query('update app_public.llm_models set vector_quantization = $1 where id = $2', [name, model.id])
}

async function statementsOf({ admin, model }: Scratch): Promise<Statements | undefined> {
  const { rows } = await admin.query<Statements>('select * from search.vector_index_statements($1)', [model.id])
  return rows[0]
}

async function indexName({ admin, model }: Scratch): Promise<string> {
  const { rows } = await admin.query<{ name: string }>(
    `select format('app_public.%I', search.vector_index_name($1)) as name`,
    [model.id],
  )
  return rows[0]?.name as string
}

async function build({ admin }: Scratch, { drop_statement, create_statement }: Statements): Promise<void> {
  await admin.query(drop_statement)
  try {
    await admin.query(create_statement)
  } catch (error) {
    throw new Error(`This database cannot build the index: ${(error as Error).message} (${create_statement})`)
  }
}

async function usesOfIndex(scratch: Scratch): Promise<{ scans: number; bytes: number; vectors: number }> {
  const { rows } = await scratch.admin.query<{ scans: number; bytes: number; vectors: number }>(
    `select pg_stat_get_numscans(i.id)::int as scans, pg_relation_size(i.id)::float8 as bytes,
            (select count(*)::int from app_public.embeddings where model_id = $2) as vectors
       from (select $1::regclass as id) i`,
    [await indexName(scratch), scratch.model.id],
  )
  return rows[0] as { scans: number; bytes: number; vectors: number }
}

/** Mean share of the exact hits' number that is as near as the last of them. */
function recallBeside(exact: Rankings, found: Rankings): number {
  const shares = [...exact]
    .filter(([, hits]) => hits.length > 0)
    .map(([id, hits]) => {
      const last = (hits.at(-1) as Hit).score
      return (found.get(id) ?? []).filter(({ score }) => score >= last - tie).length / hits.length
    })
  return mean(shares)
}
