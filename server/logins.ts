// Which login may do what, said before PostgreSQL would only deny it: a managed service's administrator is no superuser.

import pg from 'pg'

const leastPgvector = '0.8'

const ourRoles = ['owner', 'authenticator', 'user', 'worker', 'admin', 'platform', 'analyst', 'queue', 'backup'].map(
  (name) => `rowhouse_${name}`,
)

/** Why this login cannot migrate this database, with what to do, or undefined when nothing is in the way. */
export async function whyNotMigrate(client: pg.Client): Promise<string | undefined> {
  return (await whyNoPgvector(client)) ?? (await whyNoRoles(client))
}

async function whyNoPgvector(client: pg.Client): Promise<string | undefined> {
  const { rows } = await client.query<{ installed: string | null; available: string | null }>(
    `select installed_version as installed, default_version as available
       from pg_available_extensions where name = 'vector'`,
  )
  const found = rows[0]?.installed ?? rows[0]?.available
  if (!found)
    return `This PostgreSQL has no pgvector, which Rowhouse needs: install the extension "vector", ${leastPgvector} or newer, on the server.`
  if (found.localeCompare(leastPgvector, 'en', { numeric: true }) >= 0)
    return rows[0]?.installed || (await mayCreatePgvector(client))
      ? undefined
      : 'This login may not create the extension "vector" in this database. Let a superuser or your service do it: create extension vector;'
  return rows[0]?.installed
    ? `This database has pgvector ${found}, and Rowhouse needs ${leastPgvector} or newer: alter extension vector update;`
    : `This PostgreSQL has pgvector ${found}, and Rowhouse needs ${leastPgvector} or newer: install a newer one on the server.`
}

/** A managed service may let an administrator create what PostgreSQL itself leaves to superusers, so only a try tells. */
async function mayCreatePgvector(client: pg.Client): Promise<boolean> {
  await client.query('begin')
  try {
    await client.query('create extension vector')
    return true
  } catch (error) {
    if ((error as { code?: string }).code !== '42501') throw error
    return false
  } finally {
    await client.query('rollback')
  }
}

type Roles = {
  login: string
  is_superuser: boolean
  may_create: boolean
  missing: string[]
  foreign_roles: string[]
  is_owner: boolean
}

async function whyNoRoles(client: pg.Client): Promise<string | undefined> {
  const { rows } = await client.query<Roles>(
    `select l.rolname as login, l.rolsuper as is_superuser, l.rolcreaterole as may_create,
            array(select name from unnest($1::text[]) name where to_regrole(name) is null) as missing,
            -- before 16, who may create roles may change those of others
            array(select r.rolname::text from pg_roles r where r.rolname = any ($1)
                     and not (pg_has_role(r.oid, 'member with admin option')
                              or l.rolcreaterole and current_setting('server_version_num')::int < 160000)
                   order by r.rolname) as foreign_roles,
            coalesce(pg_has_role(to_regrole('rowhouse_owner'), 'member'), false)
              and to_regnamespace('app_public') is not null as is_owner
       from pg_roles l where l.rolname = current_user`,
    [ourRoles],
  )
  const roles = rows[0]
  // who has migrated this database before has what a further migration needs
  if (!roles || roles.is_superuser || (roles.is_owner && roles.missing.length === 0)) return undefined
  if (!roles.may_create && roles.missing.length > 0)
    return `The login ${roles.login} may not create roles. Migrate as one that may, or as a superuser: alter role ${roles.login} createrole;`
  if (roles.foreign_roles.length > 0)
    return `Another login made this server's roles of Rowhouse. Migrate as that one, or as a superuser: grant ${roles.foreign_roles.join(', ')} to ${roles.login} with admin option;`
  return undefined
}

const loginsOf = {
  rowhouse_owner: 'the one that migrated the database in MIGRATION_DATABASE_URL, or in DATABASE_URL',
  rowhouse_authenticator: 'rowhouse_authenticator, or the one that migrated the database, in DATABASE_URL',
}

/** Throws, saying which login to use, unless this one may become the role. */
export async function requireRole(url: string, role: keyof typeof loginsOf): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query<{ login: string; is_member: boolean | null }>(
      `select current_user as login, pg_has_role(to_regrole($1), 'member') as is_member`,
      [role],
    )
    // null: there is no such role, because nothing has been migrated yet
    if (rows[0]?.is_member === false)
      throw new Error(`The login ${rows[0].login} may not do this. Name ${loginsOf[role]}.`)
  } finally {
    await client.end()
  }
}
