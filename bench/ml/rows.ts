// A tenant with a feature set of a linear law with noise, put in past the functions, and a session of its owner.

import pg from 'pg'
import { createBenchTenant } from '../metering/setup.ts'

export type Set = { tenantId: string; ownerId: string; features: number }

export async function createSet(client: pg.Client, features: number, rows: number): Promise<Set> {
  const { id: tenantId, ownerId } = await createBenchTenant(client, 'ml')
  const names = Array.from({ length: features }, (_, i) => `x${i + 1}`)
  await client.query(
    `insert into app_public.ml_feature_sets (tenant_id, name, definitions)
     select $1, 'law', array_agg((n, 'number', true)::app_public.ml_feature_definition order by o)
       from unnest($2::text[]) with ordinality u (n, o)`,
    [tenantId, ['y', ...names]],
  )
  await client.query('set session_replication_role = replica')
  await client.query('select setseed(0.5)')
  await client.query(
    `insert into app_public.ml_features (tenant_id, feature_set, entity_id, observed_at, computed_at, features, numbers, is_latest)
     select $1, 'law', lpad(i::text, 9, '0'), now(), now(), jsonb_object($3::text[], v.x::text[]), v.x[1] + v.x[2] + random() || v.x, true
       from generate_series(1, $2::int) i
      cross join lateral (select array(select random() from generate_series(1, $4) where i > 0) as x) v`,
    [tenantId, rows, names, features],
  )
  await client.query(
    `update app_public.ml_features set features = (select jsonb_object_agg(n, x) from unnest($2::text[], numbers[2:]) u (n, x))
      where tenant_id = $1 and entity_id <= '000000100'`,
    [tenantId, names],
  )
  await client.query('set session_replication_role = origin')
  await client.query('vacuum analyze app_public.ml_features')
  return { tenantId, ownerId, features }
}

/** In the context of a request of the owner, with the rights of the owner of the tables where internals are called. */
export async function openSession(url: string, { tenantId, ownerId }: Set, role: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(
    `select set_config('role', $3, false), set_config('rowhouse.tenant_id', $1, false), set_config('rowhouse.user_id', $2, false)`,
    [tenantId, ownerId, role],
  )
  await client.query('set jit = off')
  return client
}
