// The register of personal data, which is read from the tags in the comments of columns.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { governancePage } from '../../scripts/personal-data.ts'
import { useDatabase } from '../helpers/index.ts'

const db = useDatabase()
const unclassified = async (query = db.pool.query.bind(db.pool)): Promise<string[]> =>
  (
    await query(
      `select table_name || '.' || column_name as name from governance.unclassified_columns() where reason is not null order by 1`,
    )
  ).rows.map(({ name }) => name)

it('classifies every column that refers to a person, is named like personal data, or lies as a text in a row of a person', async () => {
  expect(await unclassified()).toEqual([])
})

it('finds a new column that nobody classified, by its reference, its name and its neighbours', async () => {
  const client = await db.pool.connect()
  try {
    await client.query('begin')
    await client.query(`set local role rowhouse_owner`)
    await client.query(`create table governance.probe (
      id int primary key, reader uuid references app_public.user_profiles, contact_mail text, user_id uuid, remark text, amount int)`)
    expect(await unclassified(client.query.bind(client))).toEqual([
      'governance.probe.contact_mail',
      'governance.probe.reader',
      'governance.probe.user_id',
    ])
    await client.query(`comment on column governance.probe.user_id is E'@personal erase\\nThe person.'`)
    await client.query(`comment on column governance.probe.reader is E'@personal keep\\nA reason is missing.'`)
    await client.query(`comment on column governance.probe.contact_mail is E'@notPersonal\\nA function of the house.'`)
    expect(await unclassified(client.query.bind(client))).toEqual([
      'governance.probe.reader',
      'governance.probe.remark',
    ])
  } finally {
    await client.query('rollback')
    client.release()
  }
})

it('gives every column that is kept a reason', async () => {
  const { rows } = await db.pool.query(
    `select table_name::text, column_name from governance.personal_columns where action = 'keep' and reason is null`,
  )
  expect(rows).toEqual([])
})

it('ties every content to a column of its table that names the person, unless its row goes with another', async () => {
  const { rows } = await db.pool.query(`
    select c.table_name || '.' || c.column_name as name
      from governance.personal_columns c
     where c.kind = 'content' and c.action <> 'keep'
       and not exists (
         select from governance.personal_columns p
          where p.table_name = c.table_name and p.kind <> 'content' and (c.person_of is null or p.column_name = c.person_of))
       and not exists (
         select from pg_constraint k join governance.personal_columns p on p.table_name = k.confrelid::regclass
          where k.conrelid = c.table_name and k.contype = 'f' and k.confdeltype = 'c' and p.kind <> 'content' and p.action = 'erase')`)
  expect(rows).toEqual([])
})

it('is what docs/governance.md lists', async () => {
  const page = join(import.meta.dirname, '../../docs/governance.md')
  expect(await readFile(page, 'utf8'), 'run npm run generate').toBe(await governancePage(db.url))
})
