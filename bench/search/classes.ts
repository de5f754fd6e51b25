// Every class of question to one large tenant, through app_public.search as a request asks it: question to snippets. Beside
// it, in turn, PostgreSQL's own full-text search over the same tsvectors, which gives ids, scores and texts; for plain words
// the covering B-tree too, and a peer where one is at hand.

import pg from 'pg'
import { withProgress } from '../progress.ts'
import { withClient, withScratch } from '../scratch.ts'
import { readySession } from '../timing.ts'
import { type Entrant, type Latency, measureSet } from './compare.ts'
import { coveringBTree, ginCoverDensity, type Hit, loadTenant, type Ranker } from './contenders.ts'
import { makeTexts } from './corpus.ts'
import { becomeUser } from './hybrid.ts'
import { checkIndex, rankTerms, settle, stage } from './load.ts'
import { type Peer, withPeer } from './peer.ts'
import { drawClasses, type Question, type QuestionClass } from './questions.ts'

export type ClassesResult = {
  chunks: number
  /** Whether every difference between texts and index was looked for. */
  isVerified: boolean
  peer?: string
  classes: { name: string; latencies: Latency[]; differences: string[] }[]
}

/** Verifying takes several times as long as loading. */
const mostVerified = 50_000
const depth = 10
const chunksPerDocument = 100
const documentsOf = { half: 2, sliver: 1_000 } as const

export async function measureClasses(
  serverUrl: string,
  count: number,
  queryCount: number,
  peerUrl: string | undefined,
): Promise<ClassesResult> {
  return withScratch(serverUrl, (url) =>
    withClient(url, async (admin) => {
      await withProgress('  staging', count, (bar) => stage(admin, makeTexts(), count, bar))
      await rankTerms(admin)
      const drawn = await drawClasses(admin, queryCount)
      const clients: pg.Client[] = []
      const connect = async (): Promise<pg.Client> => {
        const client = new pg.Client({ connectionString: url, application_name: 'rowhouse_bench' })
        client.on('error', () => {})
        clients.push(client)
        await client.connect()
        return client
      }
      try {
        const tenant = await loadTenant(admin)
        const isVerified = count <= mostVerified
        if (isVerified) await withProgress('  verifying the index', 1, () => checkIndex(admin, tenant))
        const [ours, gin, btree] = [await connect(), await connect(), await connect()]
        await ginCoverDensity().prepare(gin)
        const bTree = coveringBTree()
        await bTree.prepare(btree)
        await settle(admin)
        await becomeUser(ours, tenant)
        for (const client of [ours, gin, btree]) await readySession(client)
        return await withPeer(peerUrl, admin, async (peer) => {
          const classes: ClassesResult['classes'] = []
          for (const questions of drawn) {
            const entrants: Entrant<Question>[] = [
              { contender: search(questions.kind), client: ours },
              { contender: ginWithTexts, client: gin },
            ]
            if (questions.kind === 'plain') {
              entrants.push({ contender: byTerms(bTree), client: btree }, ...peerEntrants(peer))
            }
            classes.push(await measureClass(entrants, questions))
          }
          return { chunks: count, isVerified, ...(peer ? { peer: peer.name } : {}), classes }
        })
      } finally {
        await Promise.all(clients.map((client) => client.end()))
      }
    }),
  )
}

async function measureClass(
  entrants: Entrant<Question>[],
  questions: QuestionClass,
): Promise<ClassesResult['classes'][number]> {
  const { latencies, differences } = await measureSet(entrants, questions)
  const [ours, gin] = latencies
  if (questions.kind === 'required' && ours?.runs === gin?.runs && ours?.hits !== gin?.hits)
    differences.push(`${questions.name}: ${ours?.hits} hits by ${ours?.contender}, ${gin?.hits} by ${gin?.contender}`)
  return { name: questions.name, latencies, differences }
}

/** Its scores are those of BM25 as long as no word counts double and none is read as another. */
const search = (kind: QuestionClass['kind']): Ranker<Question> => ({
  name: 'Rowhouse',
  isBm25: kind === 'plain',
  query: async (client, { text, filter }) => {
    const { rows } = await client.query<Hit>(
      `select * from app_public.search($1, 'bm25', ${depth}, search.filter(metadata => $2))`,
      [text, filter ? { [filter]: 0 } : null],
    )
    return rows
  },
})

const ginWithTexts: Ranker<Question> = {
  name: 'GIN + ts_rank_cd',
  isBm25: false,
  query: async (client, { tsquery, filter }) => {
    const { rows } = await client.query<Hit>(
      `select v.chunk_id, v.score, t.title, t.content
         from (select chunk_id, ts_rank_cd(vector, $1::tsquery)::float8 as score
                 from bench.vectors
                where vector @@ $1::tsquery ${filter ? `and chunk_id / ${chunksPerDocument} % ${documentsOf[filter]} = 0` : ''}
                order by score desc, chunk_id limit ${depth}) v
         join bench.texts t on t.id = v.chunk_id
        order by v.score desc, v.chunk_id`,
      [tsquery],
    )
    return rows
  },
}

const byTerms = (ranker: Ranker): Ranker<Question> => ({
  ...ranker,
  query: (client, { terms }) => ranker.query(client, terms),
})

function peerEntrants(peer: Peer | undefined): Entrant<Question>[] {
  return peer ? [{ contender: byTerms(peer.ranker), client: peer.client }] : []
}
