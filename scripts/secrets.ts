// npm run secrets -- list|progress|rotate-master: what tenants' secrets are wrapped by, and the rotation of the master key.

import { parseArgs } from 'node:util'
import { UsageError, withTool } from '../server/cli.ts'
import { loadKeyRing, requireKeyRing, rewrapDataKeys } from '../server/secrets.ts'

const usage = `npm run secrets -- list --tenant SLUG   the secrets of a tenant, without the keys
       npm run secrets -- progress            how many tenants each master key wraps
       npm run secrets -- rotate-master       wraps everything by the first key of SECRETS_KEY`

const { values, positionals } = parseArgs({ allowPositionals: true, options: { tenant: { type: 'string' } } })

await withTool(async ({ config, pool }) => {
  const print = async (text: string, values: unknown[] = []): Promise<void> =>
    console.table((await pool.query(text, values)).rows)
  const progress = 'select * from governance.master_key_use()'
  if (positionals[0] === 'list' && values.tenant) {
    await print('select * from governance.secrets_of_tenant($1)', [values.tenant])
  } else if (positionals[0] === 'progress') {
    await print(progress)
  } else if (positionals[0] === 'rotate-master') {
    const keyRing = requireKeyRing(await loadKeyRing(config))
    await rewrapDataKeys(keyRing, pool, (rewrapped) => console.log(`${rewrapped} data keys are re-wrapped`))
    await print(progress)
  } else throw new UsageError(`Usage: ${usage}`)
})
