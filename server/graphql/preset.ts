// How PostGraphile serves app_public: simple names, filters, aggregates, only what rowhouse_user is granted.

import 'postgraphile'
import { PgAggregatesPreset } from '@graphile/pg-aggregates'
import { PgSimplifyInflectionPreset } from '@graphile/simplify-inflection'
import type { Pool } from 'pg'
import { makePgService } from 'postgraphile/adaptors/pg'
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber'
import { PostGraphileConnectionFilterPreset } from 'postgraphile-plugin-connection-filter'
import { extensions } from '../extensions.ts'
import type { KeyRing } from '../secrets.ts'
import { inOneRoundTrip } from './adaptor.ts'
import { AggregatesPlugin } from './aggregates.ts'
import { BehaviorsPlugin } from './behaviors.ts'
import { BrevityPlugin } from './brevity.ts'
import { createClosedListsPlugin } from './closed-lists.ts'
import { CostsPlugin } from './costs.ts'
import { CountOncePlugin } from './count-once.ts'
import { createEmbedQueryPlugin } from './embed-query.ts'
import { ErrorListsPlugin } from './error-lists.ts'
import { ExactNumbersPlugin } from './exact-numbers.ts'
import { FiltersPlugin, filterOperators } from './filters.ts'
import { FunctionsPlugin } from './functions.ts'
import { GroupLimitPlugin } from './group-limit.ts'
import { IdInputPlugin } from './id-input.ts'
import { KeysPlugin } from './keys.ts'
import { LeanPayloadsPlugin } from './lean-payloads.ts'
import { createLivePlugin } from './live.ts'
import { NamesPlugin } from './names.ts'
import { NotFoundPlugin } from './not-found.ts'
import { OffersPlugin } from './offers.ts'
import { OrdersPlugin } from './orders.ts'
import { countingRows, createResponseLimitPlugin } from './response-limit.ts'
import { createSealSecretsPlugin } from './seal-secrets.ts'
import { SpecialValuesPlugin } from './special-values.ts'
import { StorableDocumentsPlugin } from './storable-documents.ts'
import { VectorCodecPlugin } from './vector-codec.ts'
import { VisibleRowsPlugin } from './visible-rows.ts'

declare global {
  namespace Grafast {
    interface RequestContext {
      pgSettings?: Record<string, string>
    }
  }
}

export function createPreset(
  pool: Pool,
  responseBytes = Number.POSITIVE_INFINITY,
  keyRing?: KeyRing,
): GraphileConfig.Preset {
  const service = makePgService({
    pool,
    schemas: ['app_public', ...extensions().map(({ name }) => name)],
    pubsub: false,
    // role, user and tenant hold for the request's transaction only
    pgSettings: (requestContext) => requestContext.pgSettings ?? {},
    // the API is what this role is granted
    pgSettingsForIntrospection: { role: 'rowhouse_user' },
  })
  return {
    extends: [
      PostGraphileAmberPreset,
      PgSimplifyInflectionPreset,
      PostGraphileConnectionFilterPreset,
      PgAggregatesPreset,
    ],
    plugins: [
      BehaviorsPlugin,
      createClosedListsPlugin(pool),
      ErrorListsPlugin,
      CostsPlugin,
      NamesPlugin,
      KeysPlugin,
      FunctionsPlugin,
      FiltersPlugin,
      OrdersPlugin,
      OffersPlugin,
      AggregatesPlugin,
      LeanPayloadsPlugin,
      IdInputPlugin,
      BrevityPlugin,
      NotFoundPlugin,
      CountOncePlugin,
      VisibleRowsPlugin,
      SpecialValuesPlugin,
      StorableDocumentsPlugin,
      VectorCodecPlugin,
      ExactNumbersPlugin,
      GroupLimitPlugin,
      createLivePlugin(pool),
      createEmbedQueryPlugin(pool, keyRing),
      createSealSecretsPlugin(pool, keyRing),
      createResponseLimitPlugin(responseBytes),
    ],
    // SwallowErrors: an error in building the schema stops the start instead of leaving a piece out. PgIndexBehaviors: it
    // offers filters by indexed columns only, but here every query is inside a tenant, and large texts say so themselves.
    // The two of aggregates order and filter by aggregates of relations: half the time of building the schema, for what SQL does
    disablePlugins: [
      'SwallowErrorsPlugin',
      'QueryQueryPlugin',
      'PgIndexBehaviorsPlugin',
      'PgAggregatesOrderByAggregatesPlugin',
      'PgAggregatesFilterRelationalAggregatesPlugin',
      // rows are named by their primary key, not by a global id
      'NodePlugin',
      'AddNodeInterfaceToSuitableTypesPlugin',
      'NodeAccessorPlugin',
      'NodeIdCodecBase64JSONPlugin',
      'NodeIdCodecPipeStringPlugin',
      'RegisterQueryNodePlugin',
      'PgTableNodePlugin',
      'PgNodeIdAttributesPlugin',
      // filter says everything that condition says
      'PgConditionArgumentPlugin',
      'PgConditionCustomFieldsPlugin',
      // orders.ts says why
      'PgOrderAllAttributesPlugin',
      // filters are about a table's own columns
      'PgConnectionArgFilterBackwardRelationsPlugin',
      'PgConnectionArgFilterForwardRelationsPlugin',
      'PgConnectionArgFilterCompositeTypeAttributesPlugin',
      'PgConnectionArgFilterComputedAttributesPlugin',
      'PgConnectionArgFilterRecordFunctionsPlugin',
      // a mutation answers with its row
      'MutationPayloadQueryPlugin',
      'PgMutationPayloadEdgePlugin',
      'ClientMutationIdDescriptionPlugin',
    ],
    pgServices: [{ ...service, adaptor: countingRows(inOneRoundTrip(service.adaptor)) }],
    // arguments without a default are required
    gather: { pgStrictFunctions: true },
    schema: {
      pgForbidSetofFunctionsToReturnNull: true,
      connectionFilterRelations: false,
      connectionFilterAllowedOperators: filterOperators,
      connectionFilterSetofFunctions: false,
      connectionFilterComputedColumns: false,
      connectionFilterAllowNullInput: false,
      connectionFilterAllowEmptyObjectInput: true,
    },
    grafast: { explain: false },
  }
}
