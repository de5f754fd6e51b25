// Sends the server's own traces and metrics by OTLP when OTEL_EXPORTER_OTLP_ENDPOINT names a collector. The exporters of
// OpenTelemetry read the other standard variables, such as OTEL_EXPORTER_OTLP_HEADERS, themselves. The metrics are those
// of /metrics.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Registry } from 'prom-client'
import type { Config } from './config.ts'
import { traceWith } from './tracing.ts'

export type Telemetry = { stop: () => Promise<void> }

const metricsEveryMs = 60_000
const longestFarewellMs = 3_000

export async function startTelemetry(config: Config, registry: Registry): Promise<Telemetry> {
  const endpoint = config.OTEL_EXPORTER_OTLP_ENDPOINT?.replace(/\/+$/, '')
  if (!endpoint) return { stop: async () => {} }
  // loaded only when it is wanted
  const [
    api,
    { BatchSpanProcessor, ParentBasedSampler, TraceIdRatioBasedSampler, TracerProvider },
    { OTLPTraceExporter },
    { resourceFromAttributes },
    { MeterProvider, PeriodicExportingMetricReader },
    { OTLPMetricExporter },
    { metricsOf },
  ] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-proto'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/sdk-metrics'),
    import('@opentelemetry/exporter-metrics-otlp-proto'),
    import('./telemetry-metrics.ts'),
  ])
  const resource = resourceFromAttributes({ 'service.name': config.OTEL_SERVICE_NAME })
  const tracers = new TracerProvider({
    resource,
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(config.OTEL_TRACES_SAMPLER_ARG) }),
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url: `${endpoint}/v1/traces` }) })],
  })
  const meters = new MeterProvider({
    resource,
    readers: [
      new PeriodicExportingMetricReader({
        exporter: new OTLPMetricExporter({ url: `${endpoint}/v1/metrics` }),
        exportIntervalMillis: metricsEveryMs,
        metricProducers: [{ collect: () => metricsOf(registry, resource) }],
      }),
    ],
  })
  traceWith({ api, tracer: tracers.getTracer('rowhouse') })
  return {
    stop: async () => {
      traceWith(undefined)
      // a collector that is away holds up nothing
      const sent = Promise.allSettled([tracers.shutdown(), meters.shutdown()])
      await Promise.race([sent, sleep(longestFarewellMs, undefined, { ref: false })])
    },
  }
}
