// Rows of workspaces. Makes ids.workspace, ids.project and ids.institution.

import type { Fill } from './types.ts'

export const fillWorkspaces: Fill = async (t, tenant, ids) => {
  // a trigger asks for a membership of the tenant at hand
  await t.query(`select set_config('rowhouse.tenant_id', $1, true)`, [tenant.id])
  const create = async (table: string): Promise<unknown> =>
    t.value(`insert into app_public.${table} (tenant_id, name) values ($1, 'w') returning id`, [tenant.id])
  ids.workspace = await create('workspaces')
  ids.project = await create('projects')
  ids.institution = await create('institutions')
  for (const one of ['workspace', 'project', 'institution']) {
    await t.query(`insert into app_public.${one}_members (tenant_id, ${one}_id, user_id) values ($1, $2, $3)`, [
      tenant.id,
      ids[one],
      tenant.owner.userId,
    ])
  }
  await t.query(`select set_config('rowhouse.tenant_id', '', true)`)
}
