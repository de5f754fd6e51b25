// What docs/governance.md lists of the register of personal data, read from the database. npm run generate writes the list, and a
// test holds it.

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { withList } from './exceptions.ts'

const page = join(import.meta.dirname, '..', 'docs/governance.md')

type Row = {
  name: string
  erased: string | null
  emptied: string | null
  pseudonymised: string | null
  kept: string | null
}

/** docs/governance.md with its list made anew from this database. */
export async function governancePage(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query<Row>(`
      select p.table_name::text as name,
             string_agg(p.column_name, ', ' order by p.ordinal) filter (where p.action = 'erase' and p.kind <> 'content') as erased,
             string_agg(p.column_name, ', ' order by p.ordinal) filter (where p.action <> 'keep' and p.kind = 'content') as emptied,
             string_agg(p.column_name, ', ' order by p.ordinal) filter (where p.action = 'pseudonymise' and p.kind <> 'content') as pseudonymised,
             string_agg(distinct p.column_name || ' (' || rtrim(p.reason, '.') || ')', ', ') filter (where p.action = 'keep') as kept
        from governance.personal_columns p
       group by p.table_name order by p.table_name::text`)
    const cell = (text: string | null): string => text ?? ''
    const list = [
      '| table | deleted with the person named in | texts of the person | key or address that names nobody afterwards | kept, because |',
      '|---|---|---|---|---|',
      ...rows.map(
        ({ name, erased, emptied, pseudonymised, kept }) =>
          `| \`${name}\` | ${cell(erased)} | ${cell(emptied)} | ${cell(pseudonymised)} | ${cell(kept)} |`,
      ),
    ].join('\n')
    return withList(await readFile(page, 'utf8'), 'personal data', list)
  } finally {
    await client.end()
  }
}

export async function writeGovernancePage(url: string): Promise<void> {
  await writeFile(page, await governancePage(url))
}
