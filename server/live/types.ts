// What the parts of live updates share.

import type { ClientConfig } from 'pg'
import type { Config } from '../config.ts'
import type { Door } from '../door.ts'
import type { Executor } from '../graphql/execute.ts'
import type { IsAllowedOrigin } from '../http-cors.ts'
import type { Logger } from '../logging.ts'
import type { Metrics } from '../metrics.ts'

export type LiveOptions = {
  config: Config
  connection: ClientConfig
  door: Door
  executor: Executor
  isAllowedOrigin: IsAllowedOrigin
  logger: Logger
  metrics: Metrics
}

export type Transport = 'websocket' | 'sse'
