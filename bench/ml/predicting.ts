// Predictions for all rows of a set, kept with their inputs, and the same computed only.

import type pg from 'pg'
import { type Measured, median, type Part } from '../metering/part.ts'
import { withClient, withScratch } from '../scratch.ts'
import { inTurn, timed } from '../timing.ts'
import { createSet, openSession } from './rows.ts'

export const measurePredicting = (serverUrl: string, rounds: number, rows: number, features: number): Promise<Part> =>
  withScratch(serverUrl, (url) => withClient(url, (client) => measure(url, client, rounds, rows, features)))

async function measure(url: string, client: pg.Client, rounds: number, rows: number, features: number): Promise<Part> {
  const set = await createSet(client, features, rows)
  const owner = await openSession(url, set, 'rowhouse_owner')
  const user = await openSession(url, set, 'rowhouse_user')
  const rates = { kept: [] as number[], computed: [] as number[] }
  try {
    const { rows: models } = await owner.query<{ id: string; expression: string }>(
      `select (ml.add_model(jsonb_populate_record(null::app_public.ml_models, jsonb_build_object('model_name', 'law', 'feature_set', s.name,
                'model_type', 'emissions_prediction', 'architecture', '{}'::jsonb, 'code_version', '1')), f.artefact)).id,
              ml.linear_expression(f.artefact) as expression
         from app_public.ml_feature_sets s cross join lateral ml.fit_model('ridge', s, '{"target": "y"}', 0) f`,
    )
    const model = models[0] as { id: string; expression: string }
    await client.query(`update app_public.ml_models set status = 'validating'`)
    await inTurn(rounds, [
      async (round) => {
        await client.query('truncate app_public.ml_predictions')
        const ms = await timed(async () => {
          await user.query('select app_public.predict_ml_features($1, null, $2)', [model.id, rows])
        })
        if (round > 0) rates.kept.push((rows / ms) * 1000)
      },
      async (round) => {
        const ms = await timed(async () => {
          await owner.query(
            `select sum(${model.expression}) from app_public.ml_features f where f.feature_set = 'law' and f.is_latest`,
          )
        })
        if (round > 0) rates.computed.push((rows / ms) * 1000)
      },
    ])
  } finally {
    await owner.end()
    await user.end()
  }
  return {
    title: 'Predicting',
    how: `${rows} rows of ${features} features: the predictions of a linear model computed in SQL and summed up, with a bar of 50,000 rows a second; and predict_ml_features as a member calls it, which keeps each as a prediction with its input and its interval and has no bar. ${rounds} rounds in turn, medians; the ratio is the rate in 50,000 a second.`,
    measured: [
      rate('predicted : 50,000 rows a second', rates.computed, 1),
      rate('predicted and kept : 50,000 rows a second', rates.kept, 0),
    ],
  }
}

const rate = (name: string, rates: number[], bar: number): Measured => ({
  name,
  ours: `${median(rates).toFixed(0)}/s`,
  theirs: '50000/s',
  ratio: median(rates) / 50_000,
  sign: '≥',
  bar,
})
