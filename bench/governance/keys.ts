// What an API key costs in begin_request over a token: the same request, on one connection of the server's login with prepared
// statements, in turn and in an order that changes.

import { hash } from 'node:crypto'
import type pg from 'pg'
import { type Measured, median, type Part } from '../metering/part.ts'
import { withClient, withScratch } from '../scratch.ts'
import { timed } from '../timing.ts'

const tenants = 1_000
const bar = 1.1
/** How each kind of key is made, below what; one in a chain of keys is looked up with those above it. */
const kinds = ['plain', 'with addresses and a service', 'two keys below another'] as const

/** Tenants with an owner, an identity of theirs and some keys each, so that every lookup is one among many. */
const setUp = `
  insert into app_public.tenants (slug, name) select 't' || i, 't' || i from generate_series(1, ${tenants}) i;
  insert into app_public.user_profiles (email) select slug || '@bench.test' from app_public.tenants where slug ~ '^t[0-9]+$';
  insert into tenancy.user_identities (issuer, subject, user_id) select 'bench', email, id from app_public.user_profiles where email ~ '@bench.test$';
  insert into app_public.user_tenants (tenant_id, user_id, role, last_accessed_at)
  select t.id, u.id, 'owner', now() from app_public.tenants t join app_public.user_profiles u on u.email = t.slug || '@bench.test';
  insert into app_public.api_keys (tenant_id, name, key_type, environment, prefix, role, permissions, last_used_at, created_by_user_id)
  select m.tenant_id, 'key ' || i, 'user', 'live', 'rh_live_0000', 'member', '{}', now(), m.user_id
    from app_public.user_tenants m join app_public.user_profiles u on u.id = m.user_id and u.email ~ '@bench.test$', generate_series(1, 10) i;
  insert into vault.api_keys (tenant_id, api_key_id, key_hash) select tenant_id, id, sha256(uuid_send(id)) from app_public.api_keys;
  vacuum analyze;
`

export const measureKeys = (serverUrl: string, rounds: number, calls: number): Promise<Part> =>
  withScratch(serverUrl, (url) => withClient(url, (client) => measure(client, rounds, calls)))

async function measure(client: pg.Client, rounds: number, calls: number): Promise<Part> {
  for (const statement of setUp.split(';\n')) await client.query(statement)
  const claims = JSON.stringify({ iss: 'bench', sub: 't500@bench.test' })
  const hashes = new Map<string, Buffer>()
  for (const kind of kinds) hashes.set(kind, await keyOf(client, kind))
  await client.query('set role rowhouse_authenticator')

  const byToken = {
    name: 'begin by token',
    text: 'select * from metering.begin_request($1, $2)',
    values: [claims, 't500'],
  }
  const byKey = (keyHash: Buffer) => ({
    name: 'begin by key',
    text: 'select * from metering.begin_request(null, null, key_hash => $1, address => $2, service => $3)',
    values: [keyHash, '192.0.2.1', 'graphql'],
  })
  const each = (query: pg.QueryConfig) => timed(() => times(calls, () => client.query(query)))
  const measured: Measured[] = []
  for (const [kind, keyHash] of hashes) {
    const ratios: number[] = []
    const spent = { token: [] as number[], key: [] as number[] }
    await times(5, () => each(byToken).then(() => each(byKey(keyHash))))
    for (let round = 0; round < rounds; round += 1) {
      const keyFirst = round % 2 === 0
      const first = await each(keyFirst ? byKey(keyHash) : byToken)
      const second = await each(keyFirst ? byToken : byKey(keyHash))
      const [key, token] = keyFirst ? [first, second] : [second, first]
      spent.key.push(key / calls)
      spent.token.push(token / calls)
      ratios.push(key / token)
    }
    measured.push({
      name: `a key, ${kind} : a token`,
      ours: `${median(spent.key).toFixed(3)} ms`,
      theirs: `${median(spent.token).toFixed(3)} ms`,
      ratio: median(ratios),
      sign: '≤',
      bar,
    })
  }
  return {
    title: 'verifying a key in begin_request',
    how: `${tenants} tenants with 10 keys each; ${calls} calls in turn with as many of the other, ${rounds} rounds; a ratio is the median of the rounds' ratios`,
    measured,
  }
}

/** The hash of a key of the person whose token is measured. */
async function keyOf(client: pg.Client, kind: (typeof kinds)[number]): Promise<Buffer> {
  const { rows } = await client.query<{ id: string }>(
    `select k.id from app_public.api_keys k join app_public.tenants t on t.id = k.tenant_id and t.slug = 't500' order by k.name limit 3`,
  )
  const [first, second, third] = rows.map(({ id }) => id)
  if (!first || !second || !third) throw new Error('The keys to measure are missing.')
  if (kind === 'plain') return hashOf(first)
  if (kind === 'with addresses and a service') {
    await client.query(
      `update app_public.api_keys set allowed_ips = '{203.0.113.7,198.51.100.0/24,192.0.2.0/24}', allowed_services = '{graphql}' where id = $1`,
      [second],
    )
    return hashOf(second)
  }
  await client.query(
    `update app_public.api_keys set parent_key_id = $2, ancestor_ids = array[$1, $2]::uuid[] where id = $3`,
    [first, second, third],
  )
  return hashOf(third)
}

const hashOf = (id: string): Buffer => hash('sha256', Buffer.from(id.replaceAll('-', ''), 'hex'), 'buffer')

async function times(count: number, work: () => Promise<unknown>): Promise<void> {
  for (let i = 0; i < count; i += 1) await work()
}
