// npm run tenant -- create | member | list | export | erase | delete: tenants from the command line, for whoever runs the database.

import { parseArgs } from 'node:util'
import { required, withTool } from '../server/cli.ts'
import { erase, exportTo } from '../server/data-tools.ts'

const usage = `npm run tenant -- list
       npm run tenant -- create --slug SLUG --name NAME --owner EMAIL
       npm run tenant -- member --slug SLUG --email EMAIL [--role owner|admin|member|viewer]
       npm run tenant -- export --slug SLUG --to FILE.zip
       npm run tenant -- erase --slug SLUG [--yes]
       npm run tenant -- delete --slug SLUG --yes`

await withTool(async ({ admin }) => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      slug: { type: 'string' },
      name: { type: 'string' },
      owner: { type: 'string' },
      email: { type: 'string' },
      role: { type: 'string', default: 'member' },
      to: { type: 'string' },
      yes: { type: 'boolean', default: false },
    },
  })
  const command = positionals[0]
  if (command === 'list') {
    const { rows } = await admin.query('select slug, name, type, status, members from tenancy.list_tenants()')
    console.table(rows)
  } else if (command === 'create') {
    const slug = required(values.slug, usage)
    const owner = required(values.owner, usage)
    await admin.query('select tenancy.provision_tenant($1, $2, $3)', [slug, required(values.name, usage), owner])
    console.log(`Created ${slug}. A token for its owner: npm run token -- --email ${owner} --tenant ${slug}`)
  } else if (command === 'member') {
    const slug = required(values.slug, usage)
    const email = required(values.email, usage)
    await admin.query(
      'select tenancy.provision_member((select id from tenancy.list_tenants() where slug = $1), $2, null, $3)',
      [slug, email, values.role],
    )
    console.log(`${email} is a ${values.role} of ${slug}.`)
  } else if (command === 'export') {
    await exportTo(admin, { slug: required(values.slug, usage) }, required(values.to, usage))
  } else if (command === 'erase') {
    await erase(admin, { slug: required(values.slug, usage) }, !values.yes)
  } else if (command === 'delete') {
    const slug = required(values.slug, usage)
    if (!values.yes) throw new Error(`This deletes ${slug} with everything in it, for good. Add --yes to do it.`)
    await admin.query('select tenancy.delete_tenant($1)', [slug])
    console.log(`Deleted ${slug}.`)
  } else {
    throw new Error(`Usage: ${usage}`)
  }
}, 'administrator')
