// A client as a front end has it: it asks, and when it gets no answer, or is told to try again, it does not know whether
// what it asked for was done.

import { signDevelopmentToken } from '../../server/auth.ts'
import { loadConfig } from '../../server/config.ts'
import { testSecret } from '../helpers/server.ts'
import type { Ledger } from './ledger.ts'

/** No answer, or one that says to try again. */
export class Unknown extends Error {}
/** An answer that says why it was not done. */
export class Refused extends Error {
  readonly code: string
  constructor(code: string, message: string) {
    super(`${code}: ${message}`)
    this.code = code
  }
}

export type Client = {
  tenant: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came back
  ask: (query: string, variables?: object) => Promise<any>
}

const longestWaitMs = 20_000
/** Lock timeouts and shed load are over in a moment. */
const tryAgain = new Set(['WB901', 'WB902', 'WB608', '55P03', '57014', '40001', '40P01'])

export async function createClient(url: string, tenant: string, ledger: Ledger): Promise<Client> {
  const config = loadConfig({ NODE_ENV: 'test', JWT_SECRET: testSecret })
  const authorization = `Bearer ${await signDevelopmentToken(config, { email: ownerOf(tenant), tenant })}`
  const requests = { writes: 0, sent: 0 }
  ledger.requests.set(tenant, requests)

  return {
    tenant,
    ask: async (query, variables) => {
      requests.sent += 1
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization },
        body: JSON.stringify({ query, variables }),
        signal: AbortSignal.timeout(longestWaitMs),
      }).catch((error: unknown) => {
        throw new Unknown(String(error))
      })
      const answer = await response.json().catch((error: unknown) => {
        throw new Unknown(String(error))
      })
      const { data, errors } = answer as {
        data?: object
        errors?: { message: string; extensions: { code: string } }[]
      }
      const error = errors?.[0]
      if (error && tryAgain.has(error.extensions.code)) throw new Unknown(error.message)
      if (error) throw new Refused(error.extensions.code, error.message)
      if (query.startsWith('mutation')) requests.writes += 1
      return data
    },
  }
}

export const ownerOf = (tenant: string): string => `owner@${tenant}.test`
