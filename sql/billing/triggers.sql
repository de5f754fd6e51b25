create or replace trigger _200_keep_history before insert or update or delete on app_public.plan_prices
  for each row execute function app_private.tg_plan_prices__keep_history();
create or replace trigger _200_keep_history before insert or update or delete on app_public.plan_price_components
  for each row execute function app_private.tg_plan_price_components__keep_history();

create or replace trigger _200_keep_states before insert or update on app_public.subscriptions
  for each row execute function app_private.tg_subscriptions__keep_states();
create or replace trigger _500_apply_entitlements after insert or update on app_public.subscriptions
  for each row execute function app_private.tg__apply_entitlements();
create or replace trigger _500_apply_entitlements after insert or update or delete on app_public.tenant_entitlement_overrides
  for each row execute function app_private.tg__apply_entitlements();

create or replace trigger _500_queue_mails after insert on app_public.billing_notices
  for each row execute function app_private.tg__queue_notice_mails('billing_notice_id', 'can_manage_billing');
create or replace trigger _500_queue_mails after insert on app_public.quota_alerts
  for each row execute function app_private.tg__queue_notice_mails('quota_alert_id', 'can_manage_billing', 'can_manage_tenant');

create or replace trigger _200_keep_final before insert or update or delete on app_public.invoices
  for each row execute function app_private.tg_invoices__keep_final();
create or replace trigger _200_keep_final before insert or update or delete on app_public.invoice_lines
  for each row execute function app_private.tg_invoice_lines__keep_final();
create or replace trigger _200_forbid_truncate before truncate on app_public.invoices
  for each statement execute function app_private.tg__forbid_truncate();
create or replace trigger _200_forbid_truncate before truncate on app_public.invoice_lines
  for each statement execute function app_private.tg__forbid_truncate();
create or replace trigger _200_forbid_truncate before truncate on app_private.invoice_numbers
  for each statement execute function app_private.tg__forbid_truncate();
