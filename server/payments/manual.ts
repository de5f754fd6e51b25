// The provider of payments outside Rowhouse, such as bank transfers. Staff record them with record_payment and refund_payment,
// which do everything in SQL, so this provider refuses every call except a refund.

import { PaymentMethodError, type PaymentProvider } from './provider.ts'

const nothingToAsk = async (): Promise<never> => {
  throw new PaymentMethodError('Manual payments are recorded by staff, so there is no provider to call.')
}

export const manualProvider: PaymentProvider = {
  createCustomer: nothingToAsk,
  attachMethod: nothingToAsk,
  detachMethod: nothingToAsk,
  charge: async () => ({
    status: 'failed',
    providerId: null,
    code: 'manual',
    message: 'This invoice is paid outside Rowhouse.',
  }),
  refund: async ({ refundId }) => ({ status: 'succeeded', providerId: refundId }),
}
