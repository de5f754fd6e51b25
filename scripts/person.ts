// npm run person -- export | erase: what is stored of a person, from the command line, for whoever runs the database.

import { parseArgs } from 'node:util'
import { required, withTool } from '../server/cli.ts'
import { erase, exportTo } from '../server/data-tools.ts'

const usage = `npm run person -- export --email EMAIL --to FILE.zip
       npm run person -- erase --email EMAIL [--yes]`

await withTool(async ({ admin }) => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { email: { type: 'string' }, to: { type: 'string' }, yes: { type: 'boolean', default: false } },
  })
  const command = positionals[0]
  if (command !== 'export' && command !== 'erase') throw new Error(`Usage: ${usage}`)
  const email = required(values.email, usage)
  if (command === 'export') await exportTo(admin, { email }, required(values.to, usage))
  else await erase(admin, { email }, !values.yes)
}, 'administrator')
