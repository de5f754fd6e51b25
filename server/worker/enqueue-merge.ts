// A tenant's merge waits in the tenant's own lanes: it may take long, and others do not wait for it.

import type { ClientBase } from 'pg'

export async function enqueueMerge(client: Pick<ClientBase, 'query'>, tenantId: string): Promise<void> {
  await client.query('select core.enqueue_tenant_job($1, $2, $3, $4)', [
    'search__merge_index',
    { tenantId },
    tenantId,
    `search__merge_index:${tenantId}`,
  ])
}
