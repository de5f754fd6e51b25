// A team's own domain beside ours: a folder with migrations/, sql/ and tasks/, named in ROWHOUSE_EXTENSIONS. The folder's name
// is its schema. It is applied after ours, secured by the same calls and served by the same API (docs/extending.md).

import { existsSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'

export type Extension = { name: string; directory: string }

const schemaName = /^[a-z][a-z0-9_]{0,39}$/
/** Schemas of Rowhouse and of what it stands on. */
const taken = new Set(
  'app_public core audit tenancy workspaces catalog knowledge search metering billing webhooks observability governance runtime conversation memory gateway ml industry network vault analytics public graphile_worker rowhouse_migrations information_schema'.split(
    ' ',
  ),
)

/** The extensions of this process, in the order in which the setting names their folders. */
export function extensions(setting = process.env.ROWHOUSE_EXTENSIONS ?? ''): Extension[] {
  const found = setting
    .split(',')
    .map((entry) => entry.trim())
    .filter(Boolean)
    .map((entry) => ({ name: basename(entry), directory: resolve(entry) }))
  for (const { name, directory } of found) {
    if (!schemaName.test(name) || name.startsWith('pg_'))
      throw new Error(
        `ROWHOUSE_EXTENSIONS: ${name} cannot be the name of an extension. Name the folder with lower-case letters, digits and underscores.`,
      )
    if (taken.has(name))
      throw new Error(`ROWHOUSE_EXTENSIONS: the schema ${name} is Rowhouse's own. Give the folder another name.`)
    if (!existsSync(join(directory, 'migrations')))
      throw new Error(`ROWHOUSE_EXTENSIONS: there is no folder ${join(directory, 'migrations')}.`)
    if (found.filter((other) => other.name === name).length > 1)
      throw new Error(`ROWHOUSE_EXTENSIONS: two folders have the name ${name}.`)
  }
  return found
}

/** What an extension may leave out; it always has migrations/. */
export const partOf = (extension: Extension, part: 'sql' | 'tasks' | 'sources'): string | undefined => {
  const directory = join(extension.directory, part)
  return existsSync(directory) ? directory : undefined
}
