// Rows of events, signals, beliefs and their evidence.

import type { Fill } from './types.ts'

export const fillReasoning: Fill = async (t, tenant, ids) => {
  const insert = (statement: string, more: unknown[] = []) =>
    t.value<string>(statement, [tenant.id, ids.agent, tenant.owner.userId, ...more])
  const event = await insert(
    `insert into app_public.events (tenant_id, id, event_type, occurred_at, recorded_at, agent_id, user_id)
     values ($1, gen_random_uuid(), 'temperature.measured', now(), now(), $2, $3) returning id`,
  )
  await t.query(
    `with rule as (
       insert into app_public.signal_rules (tenant_id, name, created_by_user_id, tags) values ($1, 'warm', $2, '{cold chain}') returning id
     ), signal as (
       insert into app_public.signals (
         tenant_id, rule_id, name, severity, dedup_key, window_start, window_end, occurrence_count, first_seen_at, last_seen_at, created_at)
       select $1, id, 'warm', 'warning', '', now(), now() + interval '1 hour', 1, now(), now(), now() from rule returning id
     ), tag as (
       insert into app_public.signal_tags (tenant_id, signal_id, tag) select $1, id, 'fridge' from signal
     )
     insert into app_public.event_signals (tenant_id, signal_id, event_id) select $1, id, $3 from signal`,
    [tenant.id, tenant.owner.userId, event],
  )
  const belief = (id: string) =>
    insert(
      `insert into app_public.beliefs (tenant_id, id, agent_id, claim, log_odds, about_user_id, recorded_by_user_id, recorded_at)
       values ($1, $4, $2, 'She likes tea.', 0, $3, $3, now()) returning id`,
      [id],
    )
  const [first, second] = [crypto.randomUUID(), crypto.randomUUID()].toSorted() as [string, string]
  await belief(first)
  await belief(second)
  const evidence = await insert(
    `insert into app_public.evidence (
       tenant_id, id, belief_id, agent_id, stance, reliability, statement, origin, independence_group, about_user_id, recorded_by_user_id, recorded_at)
     values ($1, gen_random_uuid(), $4, $2, 'supports', 0.8, 'She said so.', 'person', 'her', $3, $3, now()) returning id`,
    [first],
  )
  await insert(
    `insert into app_public.belief_contradictions (tenant_id, agent_id, belief_id, other_belief_id, noted_by_user_id, noted_at)
     values ($1, $2, $4, $5, $3, now())`,
    [first, second],
  )
  await t.query(
    `with pack as (
       insert into app_public.evidence_pack (tenant_id, id, title, created_by_user_id, created_at)
       values ($1, gen_random_uuid(), 'Tea', $2, now()) returning id
     )
     insert into app_public.evidence_pack_items (tenant_id, pack_id, evidence_id, added_at) select $1, id, $3, now() from pack`,
    [tenant.id, tenant.owner.userId, evidence],
  )
}
