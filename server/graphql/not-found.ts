// Changing or deleting a row that is not there, or that the caller may not see, is one error: WB302.

import 'postgraphile'
import { type ObjectStep, sideEffect } from 'postgraphile/grafast'
import { PublicError } from '../errors.ts'

declare global {
  namespace GraphileConfig {
    interface Plugins {
      NotFoundPlugin: true
    }
  }
}

const notFound = (): PublicError =>
  new PublicError(404, 'WB302', 'There is no such row, or you may not see it.', 'Look it up again: it may be deleted.')

/** PostGraphile's own error of a delete that finds nothing, which has no class of its own. */
export function asNotFound(error: unknown): PublicError | undefined {
  return error instanceof Error && error.message.startsWith('No values were deleted in collection')
    ? notFound()
    : undefined
}

export const NotFoundPlugin: GraphileConfig.Plugin = {
  name: 'NotFoundPlugin',
  version: '1.0.0',
  description: 'An update that finds no row is an error, not null',
  schema: {
    hooks: {
      GraphQLObjectType_fields_field(field, _build, { scope }) {
        const { plan } = field
        if (!scope.isPgUpdateMutation || !plan) return field
        return {
          ...field,
          plan: (...parts: Parameters<typeof plan>) => {
            const $payload = plan(...parts) as unknown as ObjectStep<{ result: never }>
            sideEffect($payload.getStepForKey('result'), (result) => {
              if (result === null || result === undefined) throw notFound()
            })
            return $payload as never
          },
        }
      },
    },
  },
}
