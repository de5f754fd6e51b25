// What was promised: each act is written down before it is asked for, and again when the answer says that it was done. It
// knows nothing of the database.

/** Of an act that nobody confirmed it is not known whether it was done. */
export type Act = { tenant: string; isConfirmed: boolean }

export type DocumentAct = Act & {
  sourceId: string
  documentId?: string
  /** The word that only its text has; several when it is not known whether a new text was taken. */
  words: string[]
  /** Words of texts that were replaced. */
  oldWords: string[]
}
export type UsageAct = Act & { quantity: number }
/** A customer whose subscription began so many months ago, and what they used in each month. */
export type CustomerAct = Act & { months: number; used: number[] }

export type Ledger = {
  /** By external id. */
  documents: Map<string, DocumentAct>
  /** By idempotency key. */
  usage: Map<string, UsageAct>
  /** By address. */
  invitations: Map<string, Act>
  /** By slug. */
  customers: Map<string, CustomerAct>
  /** Requests by tenant: those that wrote something and were confirmed, and all that were sent. */
  requests: Map<string, { writes: number; sent: number }>
  searches: number
}

export const emptyLedger = (): Ledger => ({
  documents: new Map(),
  usage: new Map(),
  invitations: new Map(),
  customers: new Map(),
  requests: new Map(),
  searches: 0,
})
