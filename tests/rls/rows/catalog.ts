// Rows of the catalogue. Makes ids.agent, ids.tool, ids.prompt and ids.workflow.

import type { Fill } from './types.ts'

export const fillCatalog: Fill = async (t, tenant, ids) => {
  const insert = (table: string, columns: string, ...values: unknown[]): Promise<unknown> =>
    t.value(
      `insert into app_public.${table} (tenant_id, ${columns}) values ($1, ${values.map((_, i) => `$${i + 2}`)}) returning *`,
      [tenant.id, ...values],
    )
  const model = await t.value(`insert into app_public.llm_models (provider_id, name, kind, provider_model_name)
    select id, 'chat', 'chat', 'chat' from app_public.llm_providers where name = 'builtin'
    on conflict (name) do update set kind = excluded.kind returning id`)
  await insert('model_configurations', 'name, model_id', 'careful', model)
  for (const table of ['departments', 'business_functions', 'organizational_roles']) await insert(table, 'name', 'x')
  const persona = await insert('personas', 'name', 'writer')
  for (const table of ['avatars', 'icons']) await insert(table, 'name, image_url', 'x', '/x.png')
  ids.agent = await insert('agents', 'name', 'a')
  await insert('tool_categories', 'name, slug', 'Search', 'search')
  ids.tool = await insert('tools', 'name, tool_type', 't', 'function')
  ids.prompt = await insert('prompts', 'name, prompt_text', 'p', 'Say it.')
  ids.workflow = await insert('workflows', 'name, workflow_definition', 'w', {
    nodes: [{ id: 'only', type: 'human' }],
    edges: [],
  })
  await insert('agent_tools', 'agent_id, tool_id', ids.agent, ids.tool)
  const platform = await t.value(`select id from app_public.tenants where type = 'platform'`)
  // the trigger writes resource_sharing_audit
  await insert('resource_shares', 'resource_kind, resource_id, grantee_tenant_id', 'agent', ids.agent, platform)
  await insert('agent_persona_mapping', 'agent_id, persona_id', ids.agent, persona)
  await insert('agent_industry_mapping', 'agent_id, industry', ids.agent, 'biotech')
  const tag = await insert('tags', 'name, slug', 'New', 'new')
  await insert('tag_assignments', 'item_type, item_id, tag_id', 'agent', ids.agent, tag)
  await insert(
    'resource_versions',
    'resource_kind, resource_id, version_number, version, content',
    'agent',
    ids.agent,
    1,
    '1.0.0',
    {},
  )
  const user = tenant.owner.userId
  await insert('user_agents', 'user_id, agent_id', user, ids.agent)
  await insert('user_favorites', 'user_id, item_type, item_id', user, 'agent', ids.agent)
  const rating = await t.value(
    `insert into app_public.user_ratings (tenant_id, user_id, item_type, item_id, rating) values ($1, $2, 'agent', $3, 5) returning id`,
    [tenant.id, user, ids.agent],
  )
  await insert('user_rating_votes', 'rating_id, user_id', rating, tenant.member.userId)
}
