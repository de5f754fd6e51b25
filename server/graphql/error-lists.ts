// A function names the errors it may raise in a tag, @errors ID203 RS301. Readers of the API see each with what it means,
// taken from the registry, so that a meaning is written once.

import 'postgraphile'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gatherConfig } from 'postgraphile/graphile-build'
import { neutralMessages } from '../errors.ts'

declare global {
  namespace GraphileConfig {
    interface Plugins {
      ErrorListsPlugin: true
    }
  }
}

let known: Map<string, string> | undefined

function registry(): Map<string, string> {
  if (known) return known
  const page = readFileSync(join(import.meta.dirname, '../../docs/error-codes.md'), 'utf8')
  const own = [...page.matchAll(/^\| `(\w{5})` \| (.*) \|$/gm)].map(
    ([, code = '', means = '']) => [code, means] as const,
  )
  known = new Map([...Object.entries(neutralMessages), ...own])
  return known
}

export const ErrorListsPlugin: GraphileConfig.Plugin = {
  name: 'ErrorListsPlugin',
  version: '1.0.0',
  gather: gatherConfig({
    hooks: {
      pgProcedures_PgResourceOptions(_info, { resourceOptions }) {
        const tag = resourceOptions.extensions?.tags?.errors
        if (typeof tag !== 'string') return
        const meanings = registry()
        const lines = tag.split(/\s+/).map((code) => `- ${code}: ${meanings.get(code) ?? 'see the error codes.'}`)
        resourceOptions.description = `${resourceOptions.description ?? ''}\n\nErrors:\n${lines.join('\n')}`.trim()
      },
    },
  }),
}
