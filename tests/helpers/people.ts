// The tenants and people every test knows: acme and globex, each with one member of each role, and platform staff.

import pg from 'pg'

export const roles = ['owner', 'admin', 'member', 'viewer'] as const
export type Role = (typeof roles)[number]
export type Person = { userId: string; tenantId: string; tenant: string; email: string; role: Role }
export type Tenant = { id: string; slug: string } & Record<Role, Person>

const tenants = ['acme', 'globex', 'platform']

export async function createPeople(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  for (const slug of tenants) {
    await client.query('select tenancy.provision_tenant($1, $2, $3, $4, $5)', [
      slug,
      slug.toUpperCase(),
      `owner@${slug}.test`,
      `Owner of ${slug}`,
      slug === 'platform' ? 'platform' : 'organization',
    ])
    for (const role of roles.slice(1)) {
      await client.query(
        'select tenancy.provision_member((select id from app_public.tenants where slug = $1), $2, $3, $4)',
        [slug, `${role}@${slug}.test`, `${role} of ${slug}`, role],
      )
    }
  }
  await client.end()
}

/** Reads the people as the superuser that built the database. */
export async function loadPeople(
  client: pg.ClientBase | pg.Pool,
): Promise<Record<'acme' | 'globex' | 'platform', Tenant>> {
  const { rows } = await client.query<Person>(`
    select m.user_id as "userId", t.id as "tenantId", t.slug as tenant, u.email, m.role
      from app_public.user_tenants m
      join app_public.tenants t on t.id = m.tenant_id
      join app_public.user_profiles u on u.id = m.user_id`)
  const tenant = (slug: string): Tenant => {
    const people = rows.filter((row) => row.tenant === slug)
    const person = (role: Role): Person => {
      const found = people.find((candidate) => candidate.role === role)
      if (!found) throw new Error(`The template has no ${role} of ${slug}`)
      return found
    }
    return {
      id: person('owner').tenantId,
      slug,
      owner: person('owner'),
      admin: person('admin'),
      member: person('member'),
      viewer: person('viewer'),
    }
  }
  return { acme: tenant('acme'), globex: tenant('globex'), platform: tenant('platform') }
}
