// Calls functions of the API with optional arguments left out and with each of them null.

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Transaction } from './index.ts'

const root = join(import.meta.dirname, '../..')

/** The functions of the API that the files of a domain create. */
export async function apiFunctionsOf(domain: string): Promise<string[]> {
  const folder = join(root, 'sql', domain)
  const names: string[] = []
  for (const file of await readdir(folder, { recursive: true })) {
    if (!file.endsWith('.sql')) continue
    const text = await readFile(join(folder, file), 'utf8')
    for (const [, name] of text.matchAll(/^create or replace function (app_public\.\w+)\(/gm))
      names.push(name as string)
  }
  return names.sort()
}

export async function registeredCodes(): Promise<Set<string>> {
  const registry = await readFile(join(root, 'docs/error-codes.md'), 'utf8')
  return new Set([...registry.matchAll(/^\| `([A-Z]{2}\d{3})` \|/gm)].map(([, code]) => code as string))
}

type Argument = { name: string; type: string; is_optional: boolean }

/** Each call of a function that has optional arguments: without any, and with one of them null. */
export async function optionalCalls(
  t: Transaction,
  name: string,
  required: (argument: Argument) => string,
): Promise<string[]> {
  const list = await t.query<Argument>(
    `select a.name, format_type(a.type, null) as type, a.position > p.pronargs - p.pronargdefaults as is_optional
       from pg_proc p
      cross join unnest(p.proargnames[1:p.pronargs], p.proargtypes::oid[]) with ordinality as a (name, type, position)
      where p.oid = $1::regproc
      order by a.position`,
    [name],
  )
  const given = list.filter((one) => !one.is_optional).map((one) => `"${one.name}" => ${required(one)}`)
  const optional = list.filter((one) => one.is_optional).map((one) => `"${one.name}" => null`)
  return (optional.length > 0 ? [[], ...optional.map((one) => [one]), optional] : []).map(
    (some) => `select * from ${name}(${[...given, ...some].join(', ')})`,
  )
}
