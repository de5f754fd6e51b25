// Stripe through its official SDK. Each charge is one payment intent, confirmed off session. Every write carries our id as
// idempotency key. Stripe forgets keys after a day, so a charge that is requested again is searched for first.

import Stripe from 'stripe'
import { type Outcome, PaymentMethodError, type PaymentProvider } from './provider.ts'

export function createStripe(secretKey: string, apiUrl: string): Stripe {
  const { hostname, port, protocol } = new URL(apiUrl)
  const scheme = protocol === 'http:' ? 'http' : 'https'
  return new Stripe(secretKey, {
    host: hostname,
    port: port || (scheme === 'http' ? 80 : 443),
    protocol: scheme,
    maxNetworkRetries: 2,
    timeout: 30_000,
    telemetry: false,
  })
}

export function createStripeProvider(stripe: Stripe): PaymentProvider {
  return {
    createCustomer: async ({ tenantId, name, email }) => {
      const customer = await stripe.customers.create(
        { metadata: { tenant_id: tenantId }, ...(name ? { name } : {}), ...(email ? { email } : {}) },
        { idempotencyKey: `customer-${tenantId}` },
      )
      return customer.id
    },

    attachMethod: async (customerId, methodId) => {
      try {
        const method = await stripe.paymentMethods.attach(methodId, { customer: customerId })
        const { card } = method
        return {
          brand: card?.brand ?? method.type,
          last4: card?.last4 ?? null,
          expiresMonth: card?.exp_month ?? null,
          expiresYear: card?.exp_year ?? null,
        }
      } catch (error) {
        if (isRefusal(error)) throw new PaymentMethodError(error.message)
        throw error
      }
    },

    detachMethod: async (methodId) => {
      try {
        await stripe.paymentMethods.detach(methodId)
      } catch (error) {
        // the payment method is already detached, which is the desired result
        if (!isRefusal(error)) throw error
      }
    },

    charge: async (charge) => {
      const metadata = { tenant_id: charge.tenantId, payment_id: charge.paymentId }
      try {
        if (charge.isRepeated) {
          const since = Math.floor(charge.attemptedAt.getTime() / 1000) - 60
          const intents = stripe.paymentIntents.list({
            customer: charge.customerId,
            created: { gte: since },
            limit: 100,
          })
          for await (const intent of intents) {
            if (intent.metadata.payment_id === charge.paymentId) return outcomeOf(intent)
          }
        }
        const intent = await stripe.paymentIntents.create(
          {
            amount: charge.amountMinor,
            currency: charge.currency.toLowerCase(),
            customer: charge.customerId,
            payment_method: charge.methodId,
            off_session: true,
            confirm: true,
            description: charge.invoiceNumber,
            metadata,
          },
          { idempotencyKey: `payment-${charge.paymentId}` },
        )
        return outcomeOf(intent)
      } catch (error) {
        if (!isRefusal(error)) throw error
        return {
          status: 'failed',
          providerId: error.payment_intent?.id ?? null,
          code: error.decline_code ?? error.code ?? null,
          message: error.message,
        }
      }
    },

    refund: async ({ tenantId, refundId, providerPaymentId, amountMinor }) => {
      try {
        const refund = await stripe.refunds.create(
          {
            payment_intent: providerPaymentId,
            amount: amountMinor,
            metadata: { tenant_id: tenantId, refund_id: refundId },
          },
          { idempotencyKey: `refund-${refundId}` },
        )
        if (refund.status === 'failed' || refund.status === 'canceled') {
          return {
            status: 'failed',
            providerId: refund.id,
            code: refund.failure_reason ?? null,
            message: 'The refund failed.',
          }
        }
        return { status: refund.status === 'succeeded' ? 'succeeded' : 'processing', providerId: refund.id }
      } catch (error) {
        if (!isRefusal(error)) throw error
        return { status: 'failed', providerId: null, code: error.code ?? null, message: error.message }
      }
    },
  }
}

/** Stripe refused the request itself, so the same request would be refused again. */
function isRefusal(error: unknown): error is Stripe.errors.StripeCardError | Stripe.errors.StripeInvalidRequestError {
  return error instanceof Stripe.errors.StripeCardError || error instanceof Stripe.errors.StripeInvalidRequestError
}

function outcomeOf(intent: Stripe.PaymentIntent): Outcome {
  if (intent.status === 'succeeded') return { status: 'succeeded', providerId: intent.id }
  if (intent.status === 'processing') return { status: 'processing', providerId: intent.id }
  const error = intent.last_payment_error
  return {
    status: 'failed',
    providerId: intent.id,
    code: error?.decline_code ?? error?.code ?? intent.status,
    message: error?.message ?? 'The payment needs a confirmation by the owner of the payment method.',
  }
}
