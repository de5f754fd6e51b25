// createSecret and rotateSecret are given a plain secret. The server encrypts it before the database's function is called, so
// that no statement, and nothing that logs statements, ever has it.

import 'postgraphile'
import { type PlanWrapperFn, wrapPlans } from 'graphile-utils'
import type { Pool } from 'pg'
import { constant, context, lambda } from 'postgraphile/grafast'
import { queryInContext } from '../in-context.ts'
import { type KeyRing, type Queries, sealSecret } from '../secrets.ts'
import { withArgument } from './field-arguments.ts'

type Arguments = readonly [
  secret: string,
  id: string | null | undefined,
  pgSettings: Record<string, string> | null | undefined,
]

export function createSealSecretsPlugin(pool: Pool, keyRing: KeyRing | undefined): GraphileConfig.Plugin {
  async function seal([secret, id, pgSettings]: Arguments): Promise<string> {
    const client = await pool.connect()
    try {
      const queries: Queries = {
        query: (text, values) => queryInContext(client, pgSettings ?? {}, { text, values }),
      }
      return await sealSecret(keyRing, queries, secret, id ?? undefined)
    } finally {
      client.release()
    }
  }

  /** A new row has no id yet: the server makes it, because the ciphertext is bound to it. */
  const sealArgument =
    (isNew: boolean): PlanWrapperFn =>
    (plan, $source, fieldArgs, info) => {
      const $sealed = () =>
        lambda(
          [
            fieldArgs.getRaw(['input', 'secret'] as never),
            isNew ? constant(null) : fieldArgs.getRaw(['input', 'id'] as never),
            context().get('pgSettings' as never),
          ],
          seal as never,
        )
      return plan($source, withArgument(fieldArgs, ['input', 'secret'], $sealed), info)
    }

  return wrapPlans(
    { Mutation: { createSecret: sealArgument(true), rotateSecret: sealArgument(false) } },
    { name: 'SealSecretsPlugin' },
  )
}
