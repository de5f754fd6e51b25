// Finds k1, b, the fusion and the vectors' weight on one half of the queries and says what they are worth on the other.
// Only BM25's parameters are tried in the database; fusions are computed over rankings that were fetched once, and what
// comes out is measured again by the database's own hybrid search.

import { difference, type Query } from '../evaluation.ts'
import { best, depth, type Fusion, fuse, fusionGrid, parameterGrid, rrfKs, split } from './fusion.ts'
import type { Figures, Rankings, Scratch } from './scratch.ts'

type Parameters = { k1: number; b: number }
type Half = 'training' | 'other'
type Measured = Record<'bm25' | 'vector' | 'hybrid', Record<Half, Figures>>

const defaults: Parameters = { k1: 1.2, b: 0.75 }
/** How far hybrid search may stay behind the better of its parts on the training half. */
const allowance = 0.005
const tolerance = 1e-6
const shownIds = 20

export async function tune(scratch: Scratch, seed: number): Promise<void> {
  const { queries, model } = scratch
  const { training, other } = split(queries, seed)
  if (other.length === 0) throw new Error('--tune needs at least two judged queries.')
  const ids = training.map(({ id }) => id)
  const more = ids.length > shownIds ? ` and ${ids.length - shownIds} more` : ''
  console.log(
    `Every second query by sha256("${seed}:" id): ${training.length} to tune on, ${other.length} to report on.`,
  )
  console.log(`To tune on: ${ids.slice(0, shownIds).join(', ')}${more}\n`)

  const parameters = await tuneParameters(scratch, training)
  await scratch.configure(defaults)
  const vector = await scratch.search(queries, { mode: 'vector', limit: depth })
  const untuned = await scratch.search(queries, { mode: 'bm25', limit: depth })
  await scratch.configure(parameters)
  const bm25 = await scratch.search(queries, { mode: 'bm25', limit: depth })

  const fusion = tuneFusion(scratch, training, bm25, vector)
  const usual: Fusion = { method: 'rrf', weight: model.fusion_weight, rrfK: 60 }
  const measure = (some: Query[], rankings: Rankings): Figures => scratch.figures(some, rankings)
  const measured = (words: Rankings, by: Fusion): Measured => {
    const hybrid = fuseAll(queries, words, vector, by)
    const both = (rankings: Rankings) => ({ training: measure(training, rankings), other: measure(other, rankings) })
    return { bm25: both(words), vector: both(vector), hybrid: both(hybrid) }
  }
  const before = measured(untuned, usual)
  const after = measured(bm25, fusion)
  report('defaults', defaults, usual, before)
  report('found', parameters, fusion, after)
  compareParts(after)

  const rankings = await scratch.search(queries, { mode: 'hybrid', limit: depth, fusion })
  for (const [half, some] of Object.entries({ training, other }) as [Half, Query[]][])
    assertSame(half, measure(some, rankings), after.hybrid[half])
  console.log("The database's own hybrid search gives the same figures.\n")
  console.log(instructions(model.name, parameters, fusion))
}

async function tuneParameters(scratch: Scratch, training: Query[]): Promise<Parameters> {
  // this many chunks are of ten documents at least
  const limit = Math.min(1000, 10 * scratch.mostChunks)
  const gains = new Map<string, number>()
  console.log('BM25, nDCG@10 on the training half')
  console.log(['  k1 \\ b', ...parameterGrid.b.map((b) => String(b).padEnd(6))].join('  '))
  for (const k1 of parameterGrid.k1) {
    const row: number[] = []
    for (const b of parameterGrid.b) {
      await scratch.configure({ k1, b })
      const gain = scratch.figures(training, await scratch.search(training, { mode: 'bm25', limit })).ndcg
      gains.set(`${k1}/${b}`, gain)
      row.push(gain)
    }
    console.log([`  ${String(k1).padEnd(6)}`, ...row.map(figure)].join('  '))
  }
  const grid = parameterGrid.k1.flatMap((k1) => parameterGrid.b.map((b) => ({ k1, b })))
  // of equals the defaults
  return best([defaults, ...grid], ({ k1, b }) => gains.get(`${k1}/${b}`) ?? 0).setting
}

function tuneFusion(scratch: Scratch, training: Query[], bm25: Rankings, vector: Rankings): Fusion {
  const figures = new Map(fusionGrid.map((by) => [by, scratch.figures(training, fuseAll(training, bm25, vector, by))]))
  const usualFirst = [...rrfKs].sort((a, b) => a - b)
  console.log('\nFusion, nDCG@10 on the training half')
  console.log(['  weight', ...usualFirst.map((k) => `rrf ${k}`.padEnd(7)), 'convex'].join('  '))
  for (const weight of new Set(fusionGrid.map((by) => by.weight))) {
    const row = [...figures].filter(([by]) => by.weight === weight)
    const cells = [
      ...usualFirst.map((k) => row.find(([by]) => by.method === 'rrf' && by.rrfK === k)),
      row.find(([by]) => by.method === 'convex'),
    ]
    console.log(
      [`  ${String(weight).padEnd(6)}`, ...cells.map((cell) => figure(cell?.[1].ndcg ?? 0).padEnd(7))].join('  '),
    )
  }
  const parts = [bm25, vector].map((rankings) => scratch.figures(training, rankings).ndcg)
  const chosen = cautious(figures, Math.max(...parts) - allowance)
  console.log(`Taken: the smallest weight that is worse than the best by less than a standard error.\n`)
  return chosen
}

/**
 * The one-standard-error rule (Breiman et al., Classification and Regression Trees, 1984): of settings that the training
 * queries cannot tell from the best, the one that changes the words' ranking least is the likeliest to hold elsewhere.
 */
function cautious(figures: Map<Fusion, Figures>, floor: number): Fusion {
  const top = figures.get(best(fusionGrid, (by) => figures.get(by)?.ndcg ?? 0).setting) as Figures
  const chosen = fusionGrid.find((by) => {
    const { ndcg, gains } = figures.get(by) as Figures
    const { mean, error } = difference(top.gains, gains)
    return mean <= error && ndcg >= floor
  })
  // nothing comes within the allowance of the better part: the report says so
  return chosen ?? best(fusionGrid, (by) => figures.get(by)?.ndcg ?? 0).setting
}

const fuseAll = (queries: Query[], bm25: Rankings, vector: Rankings, by: Fusion): Rankings =>
  new Map(queries.map(({ id }) => [id, fuse(bm25.get(id) ?? [], vector.get(id) ?? [], by)]))

const figure = (value: number): string => value.toFixed(4)
const nameOf = ({ method, rrfK }: Fusion): string => (method === 'rrf' ? `rrf (rrf_k ${rrfK})` : 'convex')

function report(title: string, { k1, b }: Parameters, by: Fusion, measured: Measured): void {
  console.log(`${title}: k1 ${k1}, b ${b}, fusion ${nameOf(by)}, vector weight ${by.weight}`)
  console.log('          training half        other half')
  console.log('  mode    nDCG@10  recall@100  nDCG@10  recall@100')
  for (const [mode, { training, other }] of Object.entries(measured)) {
    const cells = [training.ndcg, training.recall, other.ndcg, other.recall].map(figure)
    console.log(`  ${mode.padEnd(6)}  ${cells[0]}   ${cells[1]}      ${cells[2]}   ${cells[3]}`)
  }
  console.log('')
}

function compareParts(measured: Measured): void {
  const lead = (half: Half) => {
    const [bm25, vector] = [measured.bm25[half], measured.vector[half]]
    return difference(measured.hybrid[half].gains, (bm25.ndcg >= vector.ndcg ? bm25 : vector).gains)
  }
  const { training, other } = { training: lead('training'), other: lead('other') }
  const told = ({ mean, error }: typeof training): string =>
    `${mean < 0 ? '-' : '+'}${figure(Math.abs(mean))} (standard error ${figure(error)})`
  console.log('nDCG@10 of hybrid search with what was found, beside the better of bm25 and vector:')
  console.log(`  training half ${told(training)}, other half ${told(other)}`)
  if (training.mean > 0 && training.mean < training.error)
    console.log('  Chance alone can give as much on the training half: the better part alone is as good a choice.')
  if (training.mean < -allowance)
    throw new Error(`No fusion comes within ${allowance} of the better part. Search by mode bm25 or vector alone.`)
}

function assertSame(half: Half, actual: Figures, expected: Figures): void {
  for (const name of ['ndcg', 'recall'] as const) {
    if (!(Math.abs(actual[name] - expected[name]) <= tolerance))
      throw new Error(
        `The database's hybrid search and the fusion in TypeScript differ in ${name} on the ${half} half: ${actual[name]} and ${expected[name]}. server/evaluation/fusion.ts must compute what search.rrf_score and search.convex_score compute.`,
      )
  }
}

function instructions(model: string, { k1, b }: Parameters, { method, weight, rrfK }: Fusion): string {
  const literal = (value: string): string => `'${value.replaceAll("'", "''")}'`
  const settings = JSON.stringify({ k1, b })
  const rrf = method === 'rrf' && rrfK !== 60
  return `To apply it:
1. k1 and b, in each tenant, as its admin: in npm run psql -- --tenant SLUG, or over GraphQL, which replaces all of config:
     update app_public.tenants set config = jsonb_set(config, '{search}', coalesce(config -> 'search', '{}') || '${settings}');
     mutation { updateTenant(input: {id: "TENANT", patch: {config: {search: {k1: ${k1}, b: ${b}}}}}) { tenant { config } } }
   Searches are right at once, and as fast as before after, in npm run psql:
     set rowhouse.tenant_id to 'TENANT'; select search.rebuild_index();
2. The weight, for all tenants, as platform staff (npm run psql):
     update app_public.llm_models set fusion_weight = ${weight} where name = ${literal(model)};
3. The fusion, in each search (without a mode, sources of the built-in embedder are searched by words alone):
     select * from app_public.search('…', 'hybrid', options => search.options(fusion => '${method}'${rrf ? `, rrf_k => ${rrfK}` : ''}));
     { search(query: "…", mode: hybrid, options: {fusion: ${method}${rrf ? `, rrfK: ${rrfK}` : ''}}) { nodes { rank title } } }`
}
