// Vectors: exact where they are few; through the model's index where they are many, which a task builds.

import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mulberry32 } from '../../bench/random.ts'
import { createPool } from '../../server/database.ts'
import { addChunks } from '../helpers/corpus.ts'
import { needsServer, useDatabase } from '../helpers/index.ts'
import { runTask } from '../helpers/tasks.ts'

const db = useDatabase()
const count = 3_000
let client: pg.Client
let modelId: string

/** In this tenant's context, which the embedded engine's one session forgets when another connection has had its turn. */
async function query(text: string, values?: unknown[], tenantId = db.acme.id): Promise<pg.QueryResult> {
  await client.query(`select set_config('rowhouse.tenant_id', $1, false)`, [tenantId])
  return client.query(text, values)
}
const value = async <V>(text: string, values?: unknown[], tenantId?: string): Promise<V> =>
  Object.values((await query(text, values, tenantId)).rows[0] ?? {})[0] as V

/** What the worker's task does, with a worker's rights. */
async function buildIndex(): Promise<void> {
  const { task } = await import('../../tasks/search__build_vector_index.ts')
  const worker = new pg.Client({ connectionString: db.url, options: '-c role=rowhouse_worker' })
  await worker.connect()
  try {
    await task({ modelId }, { withPgClient: (work: (c: pg.Client) => unknown) => work(worker) } as never)
    expect((await worker.query('select current_user as role')).rows).toEqual([{ role: 'rowhouse_worker' }])
  } finally {
    await worker.end()
  }
}

/** Share of the exact ten nearest that the ranking has, over 20 questions. */
async function recall(): Promise<number> {
  return value(
    `select avg(found) from (
       select count(*) filter (where v.chunk_id is not null) / 10.0 as found
         from (select embedding as q from app_public.embeddings where tenant_id = $1 order by chunk_id limit 20) questions
        cross join lateral search.exact_vector_ranking($2, q, search.scope_of(), 10) e
         left join lateral search.vector_ranking((select m from app_public.llm_models m where id = $2), q, search.scope_of(), 10) v
           on v.chunk_id = e.chunk_id
        group by q::text) r`,
    [db.acme.id, modelId],
  ).then(Number)
}

beforeAll(async () => {
  client = new pg.Client({ connectionString: db.url })
  await client.connect()
  const random = mulberry32(17)
  modelId = await value(
    `insert into app_public.llm_models (provider_id, name, kind, provider_model_name, dimension)
     select id, 'tiny-16', 'embedding', 'tiny-16', 16 from app_public.llm_providers where name = 'builtin' returning id`,
  )
  for (const [tenantId, share] of [
    [db.globex.id, count],
    [db.acme.id, count / 2],
  ] as const) {
    await client.query(`select set_config('rowhouse.tenant_id', $1, false)`, [tenantId])
    const sourceId = await value<string>(
      `insert into app_public.rag_knowledge_sources (tenant_id, name, embedding_model) values ($1, 's', 'tiny-16') returning id`,
      [tenantId],
    )
    await addChunks(
      { query: async (text: string, values?: unknown[]) => (await client.query(text, values)).rows, value } as never,
      tenantId,
      sourceId,
      Array(share).fill('wing'),
    )
    const vectors = Array.from({ length: share }, () =>
      JSON.stringify(Array.from({ length: 16 }, () => random() - 0.5)),
    )
    await client.query(
      `insert into app_public.embeddings (tenant_id, model_id, chunk_id, embedding)
       select $1, $2, c.id, l2_normalize(v.vector::vector)
         from (select id, row_number() over (order by id) as n from app_public.document_chunks where tenant_id = $1) c
         join unnest($3::text[]) with ordinality as v (vector, n) using (n)`,
      [tenantId, modelId, vectors],
    )
  }
})
afterAll(() => client?.end())

describe('the vectors of a model', () => {
  it('are compared one by one while there is no index, and for a tenant that has few', async () => {
    expect(await value('select search.vector_index_is_ready($1)', [modelId])).toBe(false)
    expect(await recall()).toBe(1)
  })

  it('are many enough for an index when there are more of them than the task looks for', async () => {
    expect(await value('select count(*)::int from search.models_to_index(10000)')).toBe(0)
    expect(await value('select search.models_to_index(4000)')).toBe(modelId)
    expect(await value('select count(*)::int from search.models_to_index(4500)')).toBe(0)
  })

  it.each(['none', 'halfvec', 'binary'])(
    'are found through an index with quantization %s, one half of the tenant’s beside another’s',
    async (quantization) => {
      await client.query('update app_public.llm_models set vector_quantization = $2 where id = $1', [
        modelId,
        quantization,
      ])
      await buildIndex()
      expect(await value('select search.vector_index_is_ready($1)', [modelId])).toBe(true)
      expect(await value('select count(*)::int from search.models_to_index(4000)')).toBe(0)
      await client.query(`update app_public.tenants set config = '{"search": {"exactVectorLimit": 0}}' where id = $1`, [
        db.acme.id,
      ])
      const found = await recall()
      // one bit for each of 16 dimensions says little
      expect(found).toBeGreaterThan(quantization === 'binary' ? 0.3 : 0.9)
      const other = await query(
        `select v.chunk_id from (select embedding as q from app_public.embeddings where tenant_id = $1 limit 5) e
          cross join lateral search.vector_ranking((select m from app_public.llm_models m where id = $2), q, search.scope_of(), 10) v
           join app_public.document_chunks c on c.id = v.chunk_id where c.tenant_id <> $3`,
        [db.globex.id, modelId, db.acme.id],
      )
      expect(other.rows).toEqual([])
      await client.query(`update app_public.tenants set config = '{}' where id = $1`, [db.acme.id])
    },
  )

  it('are searched on while their index is built: only writers wait', async () => {
    await client.query(`drop index app_public.${await value('select search.vector_index_name($1)', [modelId])}`)
    const locks = await db.inTransaction(async (t) => {
      await t.becomeRole('rowhouse_worker')
      await t.query('select search.build_vector_index($1)', [modelId])
      await t.becomeSuperuser()
      return t.query(
        `select mode from pg_locks where relation = 'app_public.embeddings'::regclass and mode <> 'AccessShareLock' and pid = pg_backend_pid()`,
      )
    })
    expect(locks).toEqual([{ mode: 'ShareLock' }])
    await buildIndex()
  })

  it('have their index built under a time limit of its own, and not that of other statements of jobs', async (context) => {
    needsServer(context, 'it enforces no time limits')
    const worker = createPool(db.url, 'rowhouse_worker', 1, { statementTimeoutMs: 10_000 })
    // stands in for a build, and tells under which limit it runs
    const { rows } = await client.query<{ definition: string }>(
      `select pg_get_functiondef('search.build_vector_index'::regproc) as definition`,
    )
    await client.query(`create table public.limits (milliseconds int)`)
    await client.query(
      `create or replace function search.build_vector_index(model_id uuid) returns boolean language sql security definer
         as $$ insert into public.limits select setting::int from pg_settings where name = 'statement_timeout' returning true $$`,
    )
    await client.query('grant insert on public.limits to rowhouse_owner')
    try {
      await runTask(worker, 'search__build_vector_index', { modelId })
      expect((await client.query('select milliseconds from public.limits')).rows).toEqual([
        { milliseconds: 10_800_000 },
      ])
      expect((await worker.query('show statement_timeout')).rows).toEqual([{ statement_timeout: '10s' }])
    } finally {
      await client.query(rows[0]?.definition ?? '')
      await client.query('drop table public.limits')
      await worker.end()
    }
  })

  it('fall back to comparing one by one when the index finds too few in scope', async () => {
    await client.query(`update app_public.tenants set config = '{"search": {"exactVectorLimit": 0}}' where id = $1`, [
      db.acme.id,
    ])
    const hits = await value(
      `select count(*)::int from search.vector_ranking(
         (select m from app_public.llm_models m where id = $1), (select embedding from app_public.embeddings where tenant_id = $2 limit 1),
         search.scope_of(), 1000)`,
      [modelId, db.acme.id],
    )
    expect(hits).toBe(1000)
  })

  it('of more dimensions than an index holds have none, until they are quantised', async (context) => {
    needsServer(context, 'nothing but the catalogue is looked at, once is enough')
    await client.query('update app_public.llm_models set vector_quantization = $2, dimension = 3072 where id = $1', [
      modelId,
      'none',
    ])
    expect((await client.query('select * from search.vector_index_statements($1)', [modelId])).rows).toEqual([])
    await client.query('update app_public.llm_models set vector_quantization = $2 where id = $1', [modelId, 'halfvec'])
    expect((await client.query('select * from search.vector_index_statements($1)', [modelId])).rows).toHaveLength(1)
  })
})
