// Chooses the payment provider by the name in the row of the payment, with the keys from the environment of this process.

import { loadConfig } from '../config.ts'
import { manualProvider } from './manual.ts'
import type { PaymentProvider } from './provider.ts'
import { createStripe, createStripeProvider } from './stripe.ts'

export function paymentProvider(name: string): PaymentProvider {
  if (name === 'manual') return manualProvider
  if (name !== 'stripe') throw new Error(`There is no payment provider ${name}`)
  const { STRIPE_SECRET_KEY, STRIPE_API_URL } = loadConfig(process.env)
  if (!STRIPE_SECRET_KEY) throw new Error('STRIPE_SECRET_KEY is not set, so Stripe cannot be used')
  return createStripeProvider(createStripe(STRIPE_SECRET_KEY, STRIPE_API_URL))
}
