// What docs/security.md lists of the exceptions to the wall, read from where they are made: functions outside the wall and
// global tables say their reason in sql/. npm run generate writes the lists, and a test holds them.

import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const page = join(root, 'docs/security.md')

type Exception = { name: string; reason: string }

async function ruleTexts(): Promise<string[]> {
  const directory = join(root, 'sql')
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
  return Promise.all(paths.map((path) => readFile(path, 'utf8')))
}

/** The functions that rowhouse_platform comes to own, with the reason beside the change of the owner. */
function functionsOutside(text: string): Exception[] {
  const found: Exception[] = []
  let reason: string | undefined
  for (const line of text.split('\n')) {
    const role = /^set local role (\w+);(?:\s*-- outside the wall: (.+))?/.exec(line)
    if (role) reason = role[1] === 'rowhouse_platform' ? (role[2] ?? '') : undefined
    const name = /^\s*create or replace (?:function|procedure) ([\w.%$]+)/.exec(line)?.[1]
    if (name && reason !== undefined) found.push({ name: name.replaceAll(/%\d\$s/g, '…'), reason })
  }
  return found
}

const globalTables = (text: string): Exception[] =>
  [...text.matchAll(/^call core\.secure_global_table\('([\w.]+)',\s*'((?:[^']|'')+)'\);/gm)].map(
    ([, name = '', reason = '']) => ({
      name,
      reason: reason.replaceAll("''", "'"),
    }),
  )

function table(heading: string, exceptions: Exception[]): string {
  const byReason = Map.groupBy(exceptions, ({ reason }) => reason)
  const rows = [...byReason].map(
    ([reason, names]) => `| ${names.map(({ name }) => `\`${name}\``).join(', ')} | ${reason} |`,
  )
  return [`| ${heading} | because |`, '|---|---|', ...rows].join('\n')
}

/** docs/security.md with its lists made anew. */
export async function securityPage(): Promise<string> {
  const texts = await ruleTexts()
  const lists: Record<string, string> = {
    'functions outside the wall': table('function', texts.flatMap(functionsOutside)),
    'global tables': table('table', texts.flatMap(globalTables)),
  }
  let text = await readFile(page, 'utf8')
  for (const [name, list] of Object.entries(lists)) text = withList(text, name, list)
  return text
}

/** The text of a page with a list in the place that has this name. */
export function withList(text: string, name: string, list: string): string {
  const between = new RegExp(`(<!-- generated: ${name} -->\\n)[\\s\\S]*?(<!-- end -->)`)
  if (!between.test(text)) throw new Error(`There is no place for the list of ${name}.`)
  return text.replace(between, (_all, start: string, end: string) => `${start}\n${list}\n\n${end}`)
}

export async function writeSecurityPage(): Promise<void> {
  await writeFile(page, await securityPage())
}
