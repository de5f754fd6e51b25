// Rows of panels.

import type { Fill } from './types.ts'

export const fillPanels: Fill = async (t, tenant, ids) => {
  const panel = await t.value(
    `insert into app_public.panel_discussions (tenant_id, user_id, question, options, round_count, request_hash, created_at)
     values ($1, $2, 'Tea or coffee?', '{tea,coffee}', 1, '', now()) returning id`,
    [tenant.id, tenant.owner.userId],
  )
  await t.query(
    `insert into app_public.panel_seats (tenant_id, panel_id, number, agent_id, agent_name, conversation_id) values ($1, $2, 1, $3, 'Ada', $4)`,
    [tenant.id, panel, ids.agent, ids.conversation],
  )
  await t.query(
    `insert into app_public.panel_turns (tenant_id, panel_id, step, seat_number, kind) values ($1, $2, 2, 1, 'vote')`,
    [tenant.id, panel],
  )
  await t.query(
    `insert into app_public.panel_votes (tenant_id, panel_id, seat_number, option, cast_at) values ($1, $2, 1, 1, now())`,
    [tenant.id, panel],
  )
}
