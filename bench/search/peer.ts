// A full-text extension as a peer, on a server of its own that --peer names: pg_textsearch or ParadeDB's pg_search. It gets
// the same texts, title first, in one table with its index built at once. Its lengths and idf are its own, so its scores are
// not compared.

import pg from 'pg'
import { withProgress } from '../progress.ts'
import { readySession } from '../timing.ts'
import type { Hit, Ranker } from './contenders.ts'

export type Peer = { name: string; client: pg.Client; ranker: Ranker }

const rowsPerInsert = 5_000
const depth = 10

type Extension = { name: string; index: string; query: string }

/** The first that the server has. */
const extensions: Extension[] = [
  {
    name: 'pg_textsearch',
    index: `create index peer_bm25 on bench_peer.texts using bm25 (body) with (text_config = 'english', k1 = 1.2, b = 0.75)`,
    query: `select id as chunk_id, -score as score
              from (select id, body <@> to_bm25query($1, 'bench_peer.peer_bm25') as score
                      from bench_peer.texts order by score limit ${depth}) found`,
  },
  {
    name: 'pg_search',
    index: `create index peer_bm25 on bench_peer.texts using bm25 (id, body) with (key_field = 'id')`,
    query: `select id as chunk_id, paradedb.score(id)::float8 as score
              from bench_peer.texts where id @@@ paradedb.match('body', $1) order by score desc limit ${depth}`,
  },
]

/** The peer for as long as the work takes; nothing, with a line that says why, where there is none. */
export async function withPeer<T>(
  peerUrl: string | undefined,
  staged: pg.Client,
  work: (peer: Peer | undefined) => Promise<T>,
): Promise<T> {
  if (!peerUrl) {
    console.error('  no peer: --peer names a server with pg_textsearch or pg_search')
    return work(undefined)
  }
  const client = new pg.Client({ connectionString: peerUrl, application_name: 'rowhouse_bench' })
  client.on('error', () => {})
  await client.connect()
  try {
    const { rows } = await client.query<{ name: string; version: string }>(
      `select name, default_version as version from pg_available_extensions where name = any ($1) order by array_position($1, name::text)`,
      [extensions.map(({ name }) => name)],
    )
    const found = rows[0]
    const extension = extensions.find(({ name }) => name === found?.name)
    if (!found || !extension) {
      console.error('  no peer: the server that --peer names has neither pg_textsearch nor pg_search')
      return await work(undefined)
    }
    await client.query(`create extension if not exists ${extension.name}`)
    await load(client, staged)
    await client.query(extension.index)
    await client.query('vacuum analyze bench_peer.texts')
    await readySession(client)
    const name = `${extension.name} ${found.version}`
    return await work({
      name,
      client,
      ranker: {
        name,
        isBm25: false,
        query: async (connection, terms) => (await connection.query<Hit>(extension.query, [terms.join(' ')])).rows,
      },
    })
  } finally {
    await client.query('drop schema if exists bench_peer cascade').catch(() => {})
    await client.end()
  }
}

async function load(client: pg.Client, staged: pg.Client): Promise<void> {
  await client.query('drop schema if exists bench_peer cascade')
  await client.query('create schema bench_peer')
  await client.query('create table bench_peer.texts (id bigint primary key, body text not null)')
  const { rows: counted } = await staged.query<{ total: number }>('select count(*)::int as total from bench.texts')
  const total = counted[0]?.total ?? 0
  await withProgress('  peer: loading', total, async (bar) => {
    for (let first = 1; first <= total; first += rowsPerInsert) {
      const { rows } = await staged.query<{ ids: string[]; bodies: string[] }>(
        `select array_agg(id) as ids, array_agg(title || e'\\n' || content) as bodies
           from bench.texts where id between $1 and $2`,
        [first, first + rowsPerInsert - 1],
      )
      await client.query('insert into bench_peer.texts select * from unnest($1::bigint[], $2::text[])', [
        rows[0]?.ids,
        rows[0]?.bodies,
      ])
      bar.add(rows[0]?.ids.length ?? 0)
    }
  })
}
