// A process that owns a data directory and writes without pause, to be killed: says what it was told is committed.

import pg from 'pg'
import { openEmbeddedEngine } from '../../server/embedded-engine.ts'

const [directory = ''] = process.argv.slice(2)
const engine = await openEmbeddedEngine({ directory })
const client = new pg.Client({ connectionString: engine.connectionString })
await client.connect()
await client.query('create table if not exists written (batch serial, note text)')
await client.query('create index if not exists written_note_idx on written (note)')
for (;;) {
  // ten rows or none
  const { rows } = await client.query<{ batch: number }>(
    `insert into written (batch, note)
     select batch, repeat(md5(batch::text || i), 20) from nextval('written_batch_seq') as batch, generate_series(1, 10) as i
     returning batch`,
  )
  process.stdout.write(`committed ${rows[0]?.batch}\n`)
  if ((rows[0]?.batch ?? 0) % 20 === 0) await client.query('checkpoint')
}
