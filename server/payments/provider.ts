// The interface of a payment provider. The database decides who is charged how much and when. A provider only calls the outside
// service, with idempotency keys, so that a repeated call has no further effect.

export type Customer = { tenantId: string; name: string | null; email: string | null }

export type AttachedMethod = {
  brand: string | null
  last4: string | null
  expiresMonth: number | null
  expiresYear: number | null
}

/** A charge or refund succeeded, failed for good, or is still processing. A temporary failure is thrown instead. */
export type Outcome =
  | { status: 'succeeded' | 'processing'; providerId: string }
  | { status: 'failed'; providerId: string | null; code: string | null; message: string }

export type Charge = {
  tenantId: string
  paymentId: string
  invoiceNumber: string
  amountMinor: number
  currency: string
  customerId: string
  methodId: string
  attemptedAt: Date
  /** The charge was requested before, and its outcome is unknown. */
  isRepeated: boolean
}

export type Refund = { tenantId: string; refundId: string; providerPaymentId: string; amountMinor: number }

/** The reason why a payment method cannot be used, in words for its owner. */
export class PaymentMethodError extends Error {}

export type PaymentProvider = {
  createCustomer: (customer: Customer) => Promise<string>
  attachMethod: (customerId: string, methodId: string) => Promise<AttachedMethod>
  detachMethod: (methodId: string) => Promise<void>
  charge: (charge: Charge) => Promise<Outcome>
  refund: (refund: Refund) => Promise<Outcome>
}
