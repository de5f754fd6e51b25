// npm run eval -- DIR: loads a test collection (docs.jsonl, queries.jsonl, qrels.tsv) into a scratch tenant, searches it
// in every mode through app_public.search and prints how good the rankings are.

import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { required, withTool } from '../server/cli.ts'
import { type Actor, asUser, createPool } from '../server/database.ts'
import { ndcg, readJudgements, readQueries, recall } from '../server/evaluation.ts'
import { findOrCreateSource, loadFiles } from '../server/ingest.ts'
import { operatorIdentity } from '../server/seed.ts'
import { processSource } from '../server/worker/drain.ts'

const usage = `npm run eval -- DIR [options]
  DIR             a folder with docs.jsonl, queries.jsonl and qrels.tsv
  --parameters    BM25's k1/b pairs, separated by commas (0.9/0.4,1.2/0.75)
  --language TAG  language of the documents (en)
  --model NAME    embedding model (hashing-384)`

const modes = ['bm25', 'vector', 'hybrid'] as const

await withTool(async ({ config, database, pool, admin }) => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      parameters: { type: 'string', default: '0.9/0.4,1.2/0.75' },
      language: { type: 'string', default: 'en' },
      model: { type: 'string', default: 'hashing-384' },
    },
  })
  const directory = required(positionals[0], usage)
  const parameters = values.parameters.split(',').map((pair) => pair.split('/').map(Number) as [number, number])
  const judgements = await readJudgements(directory)
  const queries = (await readQueries(directory)).filter(({ id }) => judgements.has(id))

  const slug = `eval-${Date.now()}`
  await admin.query('select app_private.provision_tenant($1, $2, $3)', [slug, 'Evaluation', `${slug}@eval.test`])
  const workerPool = createPool(database.url, 'rowhouse_worker', 4)
  try {
    const actor = await operatorIdentity(pool, slug)
    const sourceId = await findOrCreateSource(pool, actor, 'collection', {
      language: values.language,
      embeddingModel: values.model,
      // a document is a chunk, so that documents are what is ranked
      chunkSize: 16_000,
      chunkOverlap: 0,
    })
    const report = await loadFiles(pool, actor, sourceId, [join(directory, 'docs.jsonl')])
    const counts = await processSource({ config, database, pool, workerPool, actor, sourceId }, () => {})
    for (const problem of [...report.problems, ...counts.errors]) console.error(`  ${problem}`)
    console.log(
      `${counts.completed} documents, ${queries.length} judged queries, ${values.language}, ${values.model}\n`,
    )
    console.log('mode      k1    b     nDCG@10  recall@100')
    for (const [k1, b] of parameters) {
      await asUser(pool, actor, (client) =>
        client.query(`update app_public.tenants set config = jsonb_set(config, '{search}', $1)`, [
          JSON.stringify({ k1, b }),
        ]),
      )
      for (const mode of modes) {
        let gain = 0
        let found = 0
        for (const query of queries) {
          const ranking = await search(actor, query.text, mode)
          const grades = judgements.get(query.id) ?? new Map<string, number>()
          gain += ndcg(ranking, grades)
          found += recall(ranking, grades)
        }
        const cells = [
          mode.padEnd(8),
          String(k1).padEnd(4),
          String(b).padEnd(4),
          (gain / queries.length).toFixed(4).padEnd(7),
        ]
        console.log(`${cells.join('  ')}  ${(found / queries.length).toFixed(4)}`)
      }
    }
  } finally {
    await workerPool.end()
    await admin.query('select app_private.delete_tenant($1)', [slug])
  }

  /** External ids of the documents found, each once, best chunk first. */
  async function search(actor: Actor, text: string, mode: string): Promise<string[]> {
    const { rows } = await asUser(pool, actor, (client) =>
      client.query<{ external_id: string }>(
        `select d.external_id from app_public.search($1, $2, 200) h
           join app_public.documents d on d.tenant_id = $3 and d.id = h.document_id order by h.rank`,
        [text, mode, actor.tenant_id],
      ),
    )
    return [...new Set(rows.map((row) => row.external_id))]
  }
})
