// A search over GraphQL, and so the counting of its facets, embeds the question itself when the sources' model is an endpoint: SQL cannot call one. The option
// queryEmbedding is filled in before the database's search is called; whoever gives one is taken at their word.

import 'postgraphile'
import { type PlanWrapperFn, wrapPlans } from 'graphile-utils'
import type { Pool } from 'pg'
import { context, lambda } from 'postgraphile/grafast'
import { embedderFor, type ModelRow } from '../embedders/index.ts'
import { EmbedderError } from '../embedders/openai.ts'
import { PublicError } from '../errors.ts'
import { queryInContext } from '../in-context.ts'

type SearchFilter = {
  sourceIds?: string[] | null
  agentId?: string | null
  tags?: string[] | null
  category?: string | null
}
type SearchOptions = { embeddingModel?: string | null; queryEmbedding?: number[] | null }

type Arguments = readonly [
  query: string,
  mode: string | null | undefined,
  filter: SearchFilter | null | undefined,
  options: SearchOptions | null | undefined,
  pgSettings: Record<string, string> | null | undefined,
]

/** The model, and what of the question it is to embed: not what is excluded, and no operators. */
type QueryModel = ModelRow & { input: string }

/** A person waits for the answer, so there is one more try and no more. */
const retriesOfQuery = 1

export function createEmbedQueryPlugin(pool: Pool): GraphileConfig.Plugin {
  async function embed(values: Arguments, defaultMode: string): Promise<SearchOptions | null> {
    const [query, mode, filter, options, pgSettings] = values
    if (options?.queryEmbedding || (mode ?? defaultMode) === 'bm25') return options ?? null
    const model = await modelOf(pool, pgSettings ?? {}, query, options?.embeddingModel, filter)
    if (!model) return options ?? null
    try {
      const { vectors } = await embedderFor(model, retriesOfQuery).embed([model.input])
      return { ...options, queryEmbedding: vectors[0] ?? null }
    } catch (error) {
      if (!(error instanceof EmbedderError)) throw error
      throw new PublicError(
        502,
        'SR412',
        `The query could not be embedded. ${error.message}`,
        'Try again, or search with mode bm25.',
      )
    }
  }

  const embedWhenMode =
    (defaultMode: string): PlanWrapperFn =>
    (plan, $source, fieldArgs, info) => {
      const $options = lambda(
        [
          fieldArgs.getRaw('query'),
          fieldArgs.getRaw('mode'),
          fieldArgs.getRaw('filter'),
          fieldArgs.getRaw('options'),
          context().get('pgSettings' as never),
        ],
        ((values: Arguments) => embed(values, defaultMode)) as never,
      )
      const withEmbedding = new Proxy(fieldArgs, {
        get: (target, property) =>
          property === 'getRaw'
            ? (path: string | string[]) => (String(path) === 'options' ? $options : target.getRaw(path as never))
            : Reflect.get(target, property),
      })
      return plan($source, withEmbedding, info)
    }

  return wrapPlans(
    { Query: { search: embedWhenMode('hybrid'), searchFacets: embedWhenMode('bm25') } },
    { name: 'EmbedQueryPlugin' },
  )
}

async function modelOf(
  pool: Pool,
  pgSettings: Record<string, string>,
  query: string,
  embeddingModel: string | null | undefined,
  filter: SearchFilter | null | undefined,
): Promise<QueryModel | undefined> {
  const client = await pool.connect()
  try {
    const { rows } = await queryInContext<QueryModel>(client, pgSettings, {
      text: `select * from search.query_embedding_model(
               $1, $2, search.filter(source_ids => $3, agent_id => $4, tags => $5, category => $6))`,
      values: [query, embeddingModel, filter?.sourceIds, filter?.agentId, filter?.tags, filter?.category].map(
        (value) => value ?? null,
      ),
    })
    return rows[0]
  } finally {
    client.release()
  }
}
