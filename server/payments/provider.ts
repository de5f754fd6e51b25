// What a payment provider must be able to do. The database decides who is charged what and when; a provider only asks the
// outside, under keys that make asking twice the same as asking once.

export type Customer = { tenantId: string; name: string | null; email: string | null }

export type AttachedMethod = {
  brand: string | null
  last4: string | null
  expiresMonth: number | null
  expiresYear: number | null
}

/** A charge or refund went through, failed for good, or is still under way. What may pass by itself is thrown instead. */
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
  /** It was asked before, and nobody knows what came of it. */
  isRepeated: boolean
}

export type Refund = { tenantId: string; refundId: string; providerPaymentId: string; amountMinor: number }

/** Why a payment method cannot be used, in words for its owner. */
export class PaymentMethodError extends Error {}

export type PaymentProvider = {
  createCustomer: (customer: Customer) => Promise<string>
  attachMethod: (customerId: string, methodId: string) => Promise<AttachedMethod>
  detachMethod: (methodId: string) => Promise<void>
  charge: (charge: Charge) => Promise<Outcome>
  refund: (refund: Refund) => Promise<Outcome>
}
