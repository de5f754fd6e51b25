// Carrying out an erasure, a batch a transaction: what the worker's task and the command-line tools do.

import type { Ask } from './exports.ts'

/** Until it is done, or a legal hold keeps the rest; returns which. */
export async function carryOutErasure(
  ask: Ask,
  { tenantId, erasureId }: { tenantId: string; erasureId: string },
): Promise<'completed' | 'held'> {
  for (;;) {
    const [row] = await ask<{ status: 'running' | 'held' | 'completed' }>(
      'select governance.continue_erasure($1, $2) as status',
      [tenantId, erasureId],
    )
    if (row && row.status !== 'running') return row.status
  }
}
