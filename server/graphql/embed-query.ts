// A search over GraphQL, and so the counting of its facets, embeds the question itself, once for each of the sources' models
// that is an endpoint: SQL cannot call one. The option queryEmbeddings is filled in before the database's function is called;
// whoever gives one is taken at their word.

import { randomUUID } from 'node:crypto'
import 'postgraphile'
import { type PlanWrapperFn, wrapPlans } from 'graphile-utils'
import type { Pool } from 'pg'
import { context, lambda } from 'postgraphile/grafast'
import { embedderFor, type ModelRow } from '../embedders/index.ts'
import { EmbedderError } from '../embedders/openai.ts'
import { embeddingEvent } from '../embedders/usage.ts'
import { PublicError } from '../errors.ts'
import { queryInContext } from '../in-context.ts'
import { type KeyRing, openModelSecret, type SecretCaller } from '../secrets.ts'
import { withArgument } from './field-arguments.ts'

type SearchFilter = {
  sourceIds?: string[] | null
  agentId?: string | null
  tags?: string[] | null
  category?: string | null
}
type QueryEmbedding = { model: string; embedding: number[] }
type SearchOptions = {
  embeddingModel?: string | null
  queryEmbedding?: number[] | null
  queryEmbeddings?: QueryEmbedding[] | null
}

type Arguments = readonly [
  query: string,
  mode: string | null | undefined,
  filter: SearchFilter | null | undefined,
  options: SearchOptions | null | undefined,
  pgSettings: Record<string, string> | null | undefined,
]

/** A model by its name, and what of the question it is to embed: not what is excluded, and no operators. */
type QueryModel = ModelRow & { model: string; model_id: string; input: string }

/** A person waits for the answer, so there is one more try and no more. */
const retriesOfQuery = 1

export function createEmbedQueryPlugin(pool: Pool, keyRing: KeyRing | undefined): GraphileConfig.Plugin {
  async function embed(values: Arguments, defaultMode: string | undefined): Promise<SearchOptions | null> {
    const [query, mode, filter, options, pgSettings] = values
    if (options?.queryEmbedding || (mode ?? defaultMode) === 'bm25') return options ?? null
    // without a mode the database ranks by vectors as soon as one of these models is to be used
    const given = options?.queryEmbeddings ?? []
    const models = (await modelsOf(pool, pgSettings ?? {}, query, options?.embeddingModel, filter)).filter(
      ({ model }) => !given.some((embedding) => embedding.model === model),
    )
    if (models.length === 0) return options ?? null
    const caller: SecretCaller = {
      tenantId: pgSettings?.['rowhouse.tenant_id'] ?? '',
      userId: pgSettings?.['rowhouse.user_id'],
      ipAddress: pgSettings?.['rowhouse.ip'],
      agentId: filter?.agentId ?? undefined,
    }
    const embedding = (model: QueryModel) =>
      embedQuestion(
        pool,
        caller,
        pgSettings?.['rowhouse.api_key_id'],
        model,
        openModelSecret(keyRing, pool, caller, model.model_id),
      )
    try {
      return {
        ...options,
        queryEmbeddings: [...given, ...(await Promise.all(models.map(embedding)))],
      }
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
    (defaultMode?: string): PlanWrapperFn =>
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
      return plan(
        $source,
        withArgument(fieldArgs, ['options'], () => $options),
        info,
      )
    }

  return wrapPlans(
    { Query: { search: embedWhenMode(), searchFacets: embedWhenMode('bm25') } },
    { name: 'EmbedQueryPlugin' },
  )
}

/** Embeds the question by one model, and records what that used: the endpoint has it on its bill, whatever the search finds. */
async function embedQuestion(
  pool: Pool,
  caller: SecretCaller,
  apiKeyId: string | undefined,
  model: QueryModel,
  key: Promise<string | null>,
): Promise<QueryEmbedding> {
  const { vectors, tokenCount } = await embedderFor(model, retriesOfQuery, await key).embed([model.input])
  await pool.query('select metering.record_embedding($1, $2)', [
    caller.tenantId,
    embeddingEvent({
      idempotencyKey: `question:${randomUUID()}`,
      modelId: model.model_id,
      texts: [model.input],
      tokenCount,
      userId: caller.userId,
      apiKeyId,
    }),
  ])
  return { model: model.model, embedding: vectors[0] as number[] }
}

async function modelsOf(
  pool: Pool,
  pgSettings: Record<string, string>,
  query: string,
  embeddingModel: string | null | undefined,
  filter: SearchFilter | null | undefined,
): Promise<QueryModel[]> {
  const client = await pool.connect()
  try {
    const { rows } = await queryInContext<QueryModel>(client, pgSettings, {
      text: `select q.*, m.id as model_id
               from search.query_embedding_models(
                 $1, $2, search.filter(source_ids => $3, agent_id => $4, tags => $5, category => $6)) q
               join app_public.llm_models m on m.name = q.model`,
      values: [query, embeddingModel, filter?.sourceIds, filter?.agentId, filter?.tags, filter?.category].map(
        (value) => value ?? null,
      ),
    })
    return rows
  } finally {
    client.release()
  }
}
