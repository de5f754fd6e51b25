// npm run token -- --email owner@acme.test --tenant acme: a bearer token for development.

import { parseArgs } from 'node:util'
import { signDevelopmentToken } from '../server/auth.ts'
import { orFail, required } from '../server/cli.ts'
import { loadConfig } from '../server/config.ts'

await orFail(async () => {
  const usage = 'npm run token -- --email EMAIL [--tenant SLUG] [--expires 7d]'
  const { values } = parseArgs({
    options: { email: { type: 'string' }, tenant: { type: 'string' }, expires: { type: 'string', default: '7d' } },
  })
  const config = loadConfig(process.env)
  if (config.isProduction)
    throw new Error('Development tokens are not for production: your identity provider issues tokens there.')
  const email = required(values.email, usage)
  console.log(
    await signDevelopmentToken(config, { email, ...(values.tenant ? { tenant: values.tenant } : {}) }, values.expires),
  )
})
