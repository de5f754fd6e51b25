// One row of each tenant in every walled table, made by the superuser, who stands outside of all this. A file a domain;
// a later one finds in `ids` what the earlier ones made.

import { type TestDatabase, transaction } from '../../helpers/index.ts'
import { fillAudit } from './audit.ts'
import { fillBilling } from './billing.ts'
import { fillCatalog } from './catalog.ts'
import { fillConversations } from './conversation.ts'
import { fillPanels } from './conversation-panels.ts'
import { fillReasoning } from './conversation-reasoning.ts'
import { fillGovernance } from './governance.ts'
import { fillIdentity } from './identity.ts'
import { fillKnowledge } from './knowledge.ts'
import { fillMemory } from './memory.ts'
import { fillMetering } from './metering.ts'
import { fillMl } from './ml.ts'
import { fillObservability } from './observability.ts'
import { fillQuotas } from './quotas.ts'
import { fillWorkflowRuns } from './runtime-flows.ts'
import { fillPeople } from './runtime-people.ts'
import { fillRuntimeRecords } from './runtime-records.ts'
import { fillSteps } from './runtime-steps.ts'
import { fillTasks } from './runtime-tasks.ts'
import { fillSearch } from './search.ts'
import { fillSecrets } from './secrets.ts'
import { fillTenancy } from './tenancy.ts'
import type { Fill } from './types.ts'
import { fillWebhooks } from './webhooks.ts'
import { fillWorkspaces } from './workspaces.ts'

const domains: Fill[] = [
  fillTenancy,
  fillIdentity,
  fillWorkspaces,
  fillCatalog,
  fillKnowledge,
  fillSearch,
  fillMetering,
  fillQuotas,
  fillBilling,
  fillObservability,
  fillGovernance,
  fillSecrets,
  fillAudit,
  fillWebhooks,
  fillRuntimeRecords,
  fillTasks,
  fillWorkflowRuns,
  fillPeople,
  fillSteps,
  fillMemory,
  fillReasoning,
  fillConversations,
  fillMl,
  fillPanels,
]

export async function fillTables(db: TestDatabase): Promise<void> {
  const client = await db.pool.connect()
  try {
    await client.query('begin')
    for (const tenant of [db.acme, db.globex]) {
      const ids: Record<string, unknown> = {}
      for (const fill of domains) await fill(transaction(client), tenant, ids)
    }
    await client.query('commit')
  } finally {
    client.release()
  }
}
