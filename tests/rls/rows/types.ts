// What makes the rows of a domain.

import type { Tenant, Transaction } from '../../helpers/index.ts'

export type Fill = (t: Transaction, tenant: Tenant, ids: Record<string, unknown>) => Promise<void>
