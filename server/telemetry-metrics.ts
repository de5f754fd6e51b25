// The metrics of Prometheus in the words of OpenTelemetry: counters are sums, histograms have explicit bounds.

import { type HrTime, ValueType } from '@opentelemetry/api'
import type { Resource } from '@opentelemetry/resources'
import {
  AggregationTemporality,
  type CollectionResult,
  DataPointType,
  type MetricData,
} from '@opentelemetry/sdk-metrics'
import type { Registry } from 'prom-client'

type Labels = Record<string, string | number>
type Sample = { labels: Labels; value: number; metricName?: string }
type Metric = { name: string; help: string; type: string; values: Sample[] }

const startedAt: HrTime = timeOf(Date.now())

export async function metricsOf(registry: Registry, resource: Resource): Promise<CollectionResult> {
  const endTime = timeOf(Date.now())
  const metrics = (await registry.getMetricsAsJSON()) as unknown as Metric[]
  return {
    resourceMetrics: {
      resource,
      scopeMetrics: [{ scope: { name: 'rowhouse' }, metrics: metrics.flatMap((metric) => translate(metric, endTime)) }],
    },
    errors: [],
  }
}

function translate({ name, help, type, values }: Metric, endTime: HrTime): MetricData[] {
  const common = {
    descriptor: { name, description: help, unit: /_seconds$/.test(name) ? 's' : '', valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  }
  const times = { startTime: startedAt, endTime }
  const points = () => values.map(({ labels, value }) => ({ ...times, attributes: labels, value }))
  if (type === 'counter')
    return [{ ...common, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints: points() }]
  if (type === 'gauge') return [{ ...common, dataPointType: DataPointType.GAUGE, dataPoints: points() }]
  if (type !== 'histogram') return []
  return [
    {
      ...common,
      dataPointType: DataPointType.HISTOGRAM,
      dataPoints: seriesOf(values).map(({ attributes, value }) => ({ ...times, attributes, value })),
    },
  ]
}

/** One series for each set of labels. Prometheus counts what is at most a bound, OpenTelemetry what lies between two. */
function seriesOf(samples: Sample[]) {
  const groups = Map.groupBy(samples, ({ labels: { le: _, ...labels } }) => JSON.stringify(labels))
  return [...groups].map(([labels, group]) => {
    const figure = (suffix: string) => group.find(({ metricName }) => metricName?.endsWith(suffix))?.value ?? 0
    const bounds = group.filter(({ labels: { le } }) => le !== undefined && le !== '+Inf')
    const [boundaries, counts] = [bounds.map(({ labels: { le } }) => Number(le)), bounds.map(({ value }) => value)]
    const count = figure('_count')
    return {
      attributes: JSON.parse(labels) as Labels,
      value: {
        count,
        sum: figure('_sum'),
        buckets: { boundaries, counts: [...counts, count].map((upTo, i, all) => upTo - (all[i - 1] ?? 0)) },
      },
    }
  })
}

function timeOf(ms: number): HrTime {
  return [Math.floor(ms / 1000), (ms % 1000) * 1_000_000]
}
