// What npm start says when it is ready: where everything is, and a first search to try.

import { signDevelopmentToken } from './auth.ts'
import type { Config } from './config.ts'
import { demoTenants } from './seed.ts'

export async function greet(config: Config, url: string, { hasDemo }: { hasDemo: boolean }): Promise<void> {
  console.log(
    `\nRowhouse is running.\n  GraphQL  ${url}/graphql\n  Health   ${url}/healthz  ${url}/readyz  ${url}/metrics`,
  )
  if (!config.isProduction && !config.SECRETS_KEY && !config.SECRETS_KEY_FILE) {
    console.log(`  Secrets  are encrypted by a development key in ${config.ROWHOUSE_DATA_DIR}/secrets-key`)
  }
  if (config.isProduction || config.JWT_JWKS_URL) return
  console.log(`  Ruru     ${url}/  (a GraphQL editor)`)
  if (!hasDemo) {
    console.log('\nA token: npm run token -- --email EMAIL --tenant SLUG\nStop with Ctrl-C.')
    return
  }
  console.log('\nDevelopment tokens, valid for a week:')
  let first = ''
  for (const { slug } of demoTenants) {
    const token = await signDevelopmentToken(config, { email: `owner@${slug}.test`, tenant: slug })
    first ||= token
    console.log(`  owner@${slug}.test\n    ${token}`)
  }
  const query = JSON.stringify({
    query: '{ search(query: "vacation days", first: 3) { nodes { rank score title snippet } } }',
  })
  console.log(`
Search:
  curl -s ${url}/graphql -H 'content-type: application/json' -H 'authorization: Bearer ${first}' -d '${query}'
In SQL, inside the walls of acme:
  npm run psql -- --tenant acme -c "select rank, title, snippet from app_public.search('vacation days')"
Stop with Ctrl-C.`)
}
