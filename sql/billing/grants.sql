grant select on app_public.plans, app_public.plan_prices, app_public.plan_price_components, app_public.plan_entitlements,
  app_public.subscriptions, app_public.tenant_entitlement_overrides, app_public.billing_profiles, app_public.billing_notices,
  app_public.notice_mails,
  app_public.invoices, app_public.invoice_lines, app_public.credit_entries, app_public.payment_methods, app_public.payments,
  app_public.refunds, app_public.invoice_issuers
  to rowhouse_user;
grant insert, update, delete on app_public.plans, app_public.plan_prices, app_public.plan_price_components,
  app_public.plan_entitlements, app_public.invoice_issuers to rowhouse_admin;
grant select, insert, update, delete on app_public.plans, app_public.plan_prices, app_public.plan_price_components,
  app_public.plan_entitlements, app_public.subscriptions, app_public.invoices, app_public.invoice_lines, app_public.payments,
  app_public.payment_methods, app_public.billing_profiles to rowhouse_platform;
grant select, insert on app_public.notice_mails to rowhouse_platform;
