-- Plans are for everyone to see, money for those who manage billing; nobody writes but through functions, staff excepted
-- in what the platform sells.
call app_private.secure_global_table('app_public.plans');
call app_private.secure_global_table('app_public.plan_prices');
call app_private.secure_global_table('app_public.plan_price_components');
call app_private.secure_global_table('app_public.plan_entitlements');
call app_private.secure_global_table('app_public.invoice_issuers');
call app_private.secure_global_table('app_private.invoice_counters');
call app_private.secure_global_table('app_private.invoice_numbers');
call app_private.secure_global_table('app_private.payment_events');
call app_private.secure_tenant_table('app_public.tenant_entitlement_overrides');
call app_private.secure_tenant_table('app_public.billing_profiles');
call app_private.secure_tenant_table('app_public.subscriptions');
call app_private.secure_tenant_table('app_public.billing_notices');
call app_private.secure_tenant_table('app_public.notice_mails');
call app_private.secure_tenant_table('app_public.invoices');
call app_private.secure_tenant_table('app_public.invoice_lines');
call app_private.secure_tenant_table('app_public.credit_entries');
call app_private.secure_tenant_table('app_private.invoice_documents');
call app_private.secure_tenant_table('app_private.payment_customers');
call app_private.secure_tenant_table('app_public.payment_methods');
call app_private.secure_tenant_table('app_public.payments');
call app_private.secure_tenant_table('app_public.refunds');

-- public plans, and the one this tenant has; what belongs to a plan is seen with it
drop policy if exists select_everyone on app_public.plans;
create policy select_everyone on app_public.plans for select to rowhouse_user
  using (is_public or id in (select plan_id from app_public.subscriptions));
drop policy if exists select_everyone on app_public.plan_prices;
create policy select_everyone on app_public.plan_prices for select to rowhouse_user
  using (plan_id in (select id from app_public.plans));
drop policy if exists select_everyone on app_public.plan_price_components;
create policy select_everyone on app_public.plan_price_components for select to rowhouse_user
  using (price_id in (select id from app_public.plan_prices));
drop policy if exists select_everyone on app_public.plan_entitlements;
create policy select_everyone on app_public.plan_entitlements for select to rowhouse_user
  using (plan_id in (select id from app_public.plans));

drop policy if exists all_admin on app_public.plans;
create policy all_admin on app_public.plans to rowhouse_admin using (true) with check (true);
drop policy if exists all_admin on app_public.plan_prices;
create policy all_admin on app_public.plan_prices to rowhouse_admin using (true) with check (true);
drop policy if exists all_admin on app_public.plan_price_components;
create policy all_admin on app_public.plan_price_components to rowhouse_admin using (true) with check (true);
drop policy if exists all_admin on app_public.plan_entitlements;
create policy all_admin on app_public.plan_entitlements to rowhouse_admin using (true) with check (true);
drop policy if exists all_admin on app_public.invoice_issuers;
create policy all_admin on app_public.invoice_issuers to rowhouse_admin using (true) with check (true);

drop policy if exists select_member on app_public.subscriptions;
create policy select_member on app_public.subscriptions for select to rowhouse_user
  using ((select app_hidden.has_role('viewer')));
drop policy if exists select_member on app_public.tenant_entitlement_overrides;
create policy select_member on app_public.tenant_entitlement_overrides for select to rowhouse_user
  using ((select app_hidden.has_role('viewer')));

drop policy if exists select_billing on app_public.billing_profiles;
create policy select_billing on app_public.billing_profiles for select to rowhouse_user
  using ((select app_hidden.has_permission('can_manage_billing')));
drop policy if exists select_billing on app_public.billing_notices;
create policy select_billing on app_public.billing_notices for select to rowhouse_user
  using ((select app_hidden.has_permission('can_manage_billing')));
drop policy if exists select_billing on app_public.notice_mails;
create policy select_billing on app_public.notice_mails for select to rowhouse_user
  using ((select app_hidden.has_permission('can_manage_billing'))
    or quota_alert_id is not null and (select app_hidden.has_permission('can_manage_tenant')));
drop policy if exists select_billing on app_public.invoices;
create policy select_billing on app_public.invoices for select to rowhouse_user
  using ((select app_hidden.has_permission('can_manage_billing')));
drop policy if exists select_billing on app_public.invoice_lines;
create policy select_billing on app_public.invoice_lines for select to rowhouse_user
  using ((select app_hidden.has_permission('can_manage_billing')));
drop policy if exists select_billing on app_public.credit_entries;
create policy select_billing on app_public.credit_entries for select to rowhouse_user
  using ((select app_hidden.has_permission('can_manage_billing')));
drop policy if exists select_billing on app_public.payment_methods;
create policy select_billing on app_public.payment_methods for select to rowhouse_user
  using ((select app_hidden.has_permission('can_manage_billing')));
drop policy if exists select_billing on app_public.payments;
create policy select_billing on app_public.payments for select to rowhouse_user
  using ((select app_hidden.has_permission('can_manage_billing')));
drop policy if exists select_billing on app_public.refunds;
create policy select_billing on app_public.refunds for select to rowhouse_user
  using ((select app_hidden.has_permission('can_manage_billing')));
