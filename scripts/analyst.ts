// npm run analyst -- create | grant | revoke | list: logins that read the schema analytics, for whoever runs the database.

import { parseArgs } from 'node:util'
import { createAnalyst } from '../server/analysts.ts'
import { required, UsageError, withTool } from '../server/cli.ts'

const usage = `npm run analyst -- list
       npm run analyst -- create --login LOGIN [--expires 2027-01-01]
       npm run analyst -- grant --login LOGIN --tenant SLUG [--expires 2027-01-01] [--people]
       npm run analyst -- revoke --login LOGIN --tenant SLUG`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    login: { type: 'string' },
    tenant: { type: 'string' },
    expires: { type: 'string' },
    people: { type: 'boolean', default: false },
  },
})

await withTool(async ({ admin }) => {
  const command = positionals[0] ?? ''
  if (command === 'list') {
    console.table((await admin.query('select * from tenancy.analyst_grants()')).rows)
    return
  }
  if (!['create', 'grant', 'revoke'].includes(command)) throw new UsageError(`Usage: ${usage}`)
  const login = required(values.login, usage)
  if (command === 'create') {
    const password = await createAnalyst(admin, login, values.expires)
    console.log(`Created ${login}. Its password, which is shown only now: ${password}`)
    return
  }
  const slug = required(values.tenant, usage)
  const { rows } = await admin.query<{ id: string }>('select id from tenancy.list_tenants() where slug = $1', [slug])
  const tenantId = rows[0]?.id
  if (!tenantId) throw new Error(`There is no tenant ${slug}.`)
  if (command === 'grant') {
    await admin.query('select tenancy.grant_analyst_access($1, $2, $3, $4)', [
      login,
      tenantId,
      values.expires,
      values.people,
    ])
    console.log(`${login} reads ${slug}${values.people ? ', and who its people are' : ''}.`)
  } else {
    await admin.query('select tenancy.revoke_analyst_access($1, $2)', [login, tenantId])
    console.log(`${login} no longer reads ${slug}.`)
  }
}, 'administrator')
