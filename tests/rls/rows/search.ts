// Rows of search.

import type { Fill } from './types.ts'

export const fillSearch: Fill = async (t, tenant, ids) => {
  const block = await t.value(
    `insert into search.blocks (tenant_id, chunk_count, total_length, min_length, max_length, k1, b, average_length, bucket_count, term_count)
     values ($1, 1, 1, 1, 1, 1.2, 0.75, 1, 1, 2) returning id`,
    [tenant.id],
  )
  await t.query(`insert into search.block_chunks values ($1, $2, 0, array[$3::bigint])`, [tenant.id, block, ids.chunk])
  await t.query(`insert into search.postings values ($1, 'd', $2, 1, 1, 1, '{1:1}/1')`, [tenant.id, block])
  await t.query(`insert into search.rare_postings values ($1, 1, 0, $2, e'\\ne\\n', '{1}', '{32769}')`, [
    tenant.id,
    block,
  ])
  await t.query(`insert into search.removals values ($1, 'd', $2, 1)`, [tenant.id, block])
  await t.query(`insert into search.terms values ($1, '', e'\\nd\\n', 1, search.trigram_bits('{d}'))`, [tenant.id])
  for (const table of ['app_public.query_logs', 'search.query_log_buffer']) {
    await t.query(
      `insert into ${table} (tenant_id, created_at, mode, latency_ms, hit_count, source_ids, source_hit_counts, source_relevances)
       values ($1, now(), 'bm25', 1, 0, '{}', '{}', '{}')`,
      [tenant.id],
    )
  }
  await t.query(`insert into search.query_quarter_hours values ($1, '2026-01-01Z', 'bm25', 1, 0, 1)`, [tenant.id])
}
