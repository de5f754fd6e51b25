// What is wrong in a database that is at this version, and what can be mended without a person. doctor shows it, migrate mends.

import type pg from 'pg'
import { asRole } from './database.ts'
import { expectedObjects, type Kind, presentObjects, type SchemaObject } from './expected-objects.ts'

export type Finding = {
  what: string
  toDo: string
}

type Client = pg.ClientBase | pg.Pool

const migrate = 'npm run migrate'
const restore = 'Its definition is in generated/schema.sql, its data in your backup: docs/operations.md, "Restore".'

const closeGap = 'npm run migrate. It stops at a gap that it cannot close: take back the grant or change the object.'

/** What migrate makes anew; the rest is state, which only a person can bring back. */
const mended: Kind[] = ['view', 'function', 'policy', 'trigger', 'row level security', 'index']

export async function missingObjects(client: Client): Promise<SchemaObject[]> {
  const { rows } = await client.query<{ kind: Kind; name: string }>(presentObjects)
  const present = new Set(rows.map(({ kind, name }) => `${kind} ${name}`))
  return (await expectedObjects()).filter(({ kind, name }) => !present.has(`${kind} ${name}`))
}

async function namesOf(client: Client, statement: string): Promise<string[]> {
  return (await client.query<{ name: string }>(statement)).rows.map(({ name }) => name)
}

const ownRelations = `pg_class c join pg_namespace n on n.oid = c.relnamespace and n.nspowner = 'rowhouse_owner'::regrole`

const disabledTriggers = `
  select format('alter table %s enable trigger %I', c.oid::regclass, t.tgname) as name, pg_get_userbyid(c.relowner) as owner,
         format('%I on %s', t.tgname, c.oid::regclass) as shown
    from pg_trigger t join ${ownRelations} on c.oid = t.tgrelid
   where t.tgenabled = 'D' and not t.tgisinternal order by shown`

/** Everything that is wrong; the database's migrations and rules must be this version's. */
export async function findings(client: Client): Promise<Finding[]> {
  const found: Finding[] = (await missingObjects(client)).map(({ kind, name }) => ({
    what: kind === 'row level security' ? `Row level security is not ${name}.` : `The ${kind} ${name} is missing.`,
    toDo: mended.includes(kind) ? migrate : restore,
  }))
  const add = (names: string[], what: (name: string) => string, toDo: string): void => {
    for (const name of names) found.push({ what: what(name), toDo })
  }
  const disabled = await client.query<{ shown: string }>(disabledTriggers)
  add(
    disabled.rows.map(({ shown }) => shown),
    (name) => `The trigger ${name} is disabled.`,
    migrate,
  )
  add(
    await namesOf(
      client,
      `select format('%s on %s', k.conname, c.oid::regclass) as name from pg_trigger t
         join pg_constraint k on k.oid = t.tgconstraint join ${ownRelations} on c.oid = t.tgrelid
        where t.tgisinternal and t.tgenabled = 'D' group by 1 order by 1`,
    ),
    (name) => `The foreign key ${name} is not checked, because its triggers are disabled.`,
    'As a superuser, for that table: alter table … enable trigger all.',
  )
  add(
    await namesOf(
      client,
      `select c.oid::regclass::text as name from pg_index i join ${ownRelations} on c.oid = i.indexrelid
        where not (i.indisvalid and i.indisready)
          -- one that is being built now is not yet valid
          and not exists (select from pg_locks l where l.relation = i.indexrelid and l.granted and l.pid <> pg_backend_pid())
        order by 1`,
    ),
    (name) => `The index ${name} is not valid.`,
    'reindex index concurrently, with its name: docs/operations.md, "Rebuild an index".',
  )
  add(
    await namesOf(
      client,
      `select c.oid::regclass::text as name from ${ownRelations} where c.relkind = 'm' and not c.relispopulated order by 1`,
    ),
    (name) => `The materialized view ${name} is not populated.`,
    migrate,
  )
  return [...found, ...(await securityGaps(client)), ...(await failedJobs(client))]
}

async function securityGaps(client: Client): Promise<Finding[]> {
  // without these functions nothing can be asked, and that they are missing is a finding already
  const { rows: there } = await client.query(`select from pg_proc where oid = to_regprocedure('core.security_gaps()')`)
  if (there.length === 0) return []
  try {
    const { rows } = await client.query<{ object: string; gap: string }>('select object, gap from core.security_gaps()')
    return rows.map(({ object, gap }) => ({ what: `Security gap: ${object}: ${gap}.`, toDo: closeGap }))
  } catch (error) {
    return [{ what: `The security gaps cannot be read: ${(error as Error).message}.`, toDo: migrate }]
  }
}

async function failedJobs(client: Client): Promise<Finding[]> {
  const { rows } = await client.query<{ task: string; count: number }>(
    `select t.identifier as task, count(*)::int as count
       from graphile_worker._private_jobs j join graphile_worker._private_tasks t on t.id = j.task_id
      where j.attempts >= j.max_attempts and j.locked_at is null group by 1 order by 1`,
  )
  return rows.map(({ task, count }) => ({
    what: `${count} ${count === 1 ? 'job' : 'jobs'} of the task ${task} failed for good.`,
    toDo: 'npm run jobs -- summary --state failed tells why; then retry or cancel them: docs/operations.md, "The queue".',
  }))
}

export type Check = { part: string; name: string; status: string; message: string }

/** How the database and the queue are now, and what workers last saw of the rest; the database must be at this version. */
export async function healthChecks(client: Client): Promise<Check[]> {
  const { rows } = await client.query<Check>(
    `select part, name, status, message from observability.check_database()
     union all select part, name, status, message from observability.check_queue()
     union all select part, name, status, message from observability.latest_checks() where part not in ('database', 'queue')
     union all
     select 'provider', p.name, case c.circuit when 'closed' then 'ok' else 'failing' end,
            format('The circuit is %s since %s.', replace(c.circuit, '_', ' '), to_char(c.since at time zone 'UTC', 'YYYY-MM-DD HH24:MI "UTC"'))
       from observability.provider_circuits c join app_public.llm_providers p on p.id = c.provider_id
     order by 1, 2`,
  )
  return rows
}

/** Builds the indexes that are missing. The rules need some of them, so this comes before they are applied. */
export async function restoreIndexes(client: pg.Client, log: (line: string) => void): Promise<void> {
  for (const { kind, name, statement } of await missingObjects(client)) {
    if (kind !== 'index' || !statement) continue
    const target = / ON (\S+) /.exec(statement)?.[1]
    const { rows } = await client.query<{ owner: string }>(
      'select pg_get_userbyid(relowner) as owner from pg_class where oid = to_regclass($1)',
      [target],
    )
    if (!rows[0]) continue
    await asRole(client, rows[0].owner, () => client.query(statement))
    log(`Restored the index ${name}.`)
  }
}

/** Switches disabled triggers on and fills materialized views that are empty; the rules make the rest anew. */
export async function restoreState(client: pg.Client, log: (line: string) => void): Promise<void> {
  const { rows } = await client.query<{ name: string; owner: string; shown: string }>(disabledTriggers)
  for (const { name, owner, shown } of rows) {
    await asRole(client, owner, () => client.query(name))
    log(`Enabled the trigger ${shown}.`)
  }
  for (const name of await namesOf(client, 'select observability.fill_materialized_views() as name'))
    log(`Filled the materialized view ${name}.`)
}
