// npm run key -- create | list | rotate | revoke: API keys of a tenant from the command line, as one of its members.

import { parseArgs } from 'node:util'
import { required, UsageError, withTool } from '../server/cli.ts'
import { asUser } from '../server/database.ts'
import { operatorIdentity } from '../server/seed.ts'

const usage = `npm run key -- list   --tenant SLUG [--as EMAIL]
       npm run key -- create --tenant SLUG [--as EMAIL] --name NAME [options]
       npm run key -- rotate --tenant SLUG [--as EMAIL] --id ID [--grace SECONDS]
       npm run key -- revoke --tenant SLUG [--as EMAIL] --id ID
  --as EMAIL           the member who does it, as whom a new key acts (the tenant's first owner)
  --type TYPE          user, admin, agent, service or gateway (user)
  --environment ENV    live or test (live)
  --role ROLE          viewer for a key that only reads
  --permissions P,P    such as can_create_agents,can_edit_agents (none)
  --services S,S       graphql, files, traces (all)
  --ips A,A            addresses and networks, such as 203.0.113.0/24 (all)
  --agent ID           of a key of type agent
  --service-name NAME  of a key of type service or gateway
  --parent ID          the key above it
  --calls N            API calls a day
  --cost USD           cost a day
  --expires TIME       such as 2027-01-31 or 2027-01-31T12:00:00Z`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: Object.fromEntries(
    [
      ...['tenant', 'as', 'name', 'id', 'grace', 'type', 'environment', 'role', 'permissions', 'services', 'ips'],
      ...['agent', 'service-name', 'parent', 'calls', 'cost', 'expires'],
    ].map((name) => [name, { type: 'string' as const }]),
  ) as Record<string, { type: 'string' }>,
})
const listed = (value: string | undefined): string[] | undefined => value?.split(',').map((one) => one.trim())

/** A new_api_key; what is not given is null, and the database has the defaults. */
const newKey = () => ({
  name: required(values.name, usage),
  key_type: values.type,
  environment: values.environment,
  role: values.role,
  permissions: listed(values.permissions),
  allowed_services: listed(values.services),
  allowed_ips: listed(values.ips),
  agent_id: values.agent,
  service_name: values['service-name'],
  parent_key_id: values.parent,
  max_calls_per_day: values.calls,
  max_cost_per_day: values.cost,
  expires_at: values.expires,
})

const list = `
  select id, name, prefix || '…' as key, key_type as type, app_public.api_keys_status(k) as status, last_used_at as "last use",
         app_public.api_keys_recent_calls(k) as "calls in 30 days", app_public.api_keys_recent_cost(k) as "cost in 30 days",
         app_public.api_keys_is_unused(k) as "unused for 90 days"
    from app_public.api_keys k order by created_at, id`

/** What each command asks, of what, and what it says of the answer; without words the answer is a table. */
const commands: Record<
  string,
  () => { sql: string; values?: unknown[]; says?: (row: Record<string, string>) => string }
> = {
  list: () => ({ sql: list }),
  create: () => ({
    sql: `select * from app_public.create_api_key(jsonb_populate_record(null::app_public.new_api_key, $1))`,
    values: [JSON.stringify(newKey())],
    says: ({ api_key_id, key }) => `${key}\nThis is ${api_key_id}. It is shown only this once.`,
  }),
  rotate: () => ({
    sql: 'select * from app_public.rotate_api_key($1, $2)',
    values: [required(values.id, usage), values.grace ?? 0],
    says: ({ key }) => `${key}\nIt is shown only this once. The one before goes on for ${values.grace ?? 0} s.`,
  }),
  revoke: () => ({
    sql: 'select * from app_public.revoke_api_key($1)',
    values: [required(values.id, usage)],
    says: ({ name }) => `Revoked ${name} and all keys below it.`,
  }),
}

await withTool(async ({ pool }) => {
  const tenant = required(values.tenant, usage)
  const command = commands[positionals[0] ?? '']?.()
  if (!command) throw new UsageError(`Usage: ${usage}`)
  const actor = await operatorIdentity(pool, tenant, values.as)
  const { rows } = await asUser(pool, actor, (client) => client.query(command.sql, command.values))
  if (command.says) console.log(command.says(rows[0]))
  else console.table(rows)
})
