// Rows of memories.

import type { Fill } from './types.ts'

export const fillMemory: Fill = async (t, tenant, ids) => {
  const person = tenant.owner.userId
  await t.query(`insert into app_public.memory_settings (tenant_id) values ($1)`, [tenant.id])
  await t.query(`insert into app_public.agent_memory_settings (tenant_id, agent_id, is_shared) values ($1, $2, true)`, [
    tenant.id,
    ids.agent,
  ])
  await t.query(`insert into app_public.memory_rules (tenant_id, memory_type, kept_days) values ($1, 'context', 30)`, [
    tenant.id,
  ])
  // triggers write memory.people and the index of recall
  const memory = await t.value(
    `insert into app_public.user_memory (
       tenant_id, id, user_id, history_id, memory_type, memory_key, content, last_confirmed_at, extracted_at, valid_from, is_long_term)
     select $1, id, $2, id, 'fact', 'home_city', 'Basel', now(), now(), now(), true from gen_random_uuid() as id returning id`,
    [tenant.id, person],
  )
  ids.memory = memory
  await t.query(`insert into memory.near_terms (tenant_id, user_id, term, memory_id) values ($1, $2, 1, $3)`, [
    tenant.id,
    person,
    memory,
  ])
  await t.query(
    `insert into memory.requests (tenant_id, user_id, idempotency_key, request_hash, memory_id, created_at)
     values ($1, $2, 'x', sha256('x'), $3, now())`,
    [tenant.id, person, memory],
  )
  await t.query(
    `insert into memory.accesses (tenant_id, memory_ids, accessed_at) values ($1, array[$2::uuid], now())`,
    [tenant.id, memory],
  )
}
