-- What must look across tenants: who has something due, and whose a provider's object is.

create or replace function app_private.tenants_to_bill(after uuid default null, at_most int default 1000) returns setof uuid
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select t.tenant_id from (
    select s.tenant_id from app_public.subscriptions s
     where s.status in ('trialing', 'active', 'past_due') and s.current_period_end <= app_hidden.clock()
    union
    select s.tenant_id from app_public.subscriptions s
     where s.status = 'trialing' and s.trial_ends_at <= app_hidden.clock() + interval '8 days'
    union
    select i.tenant_id from app_public.invoices i
     where i.status = 'draft' and i.finalise_at <= app_hidden.clock()
  ) as t
  where tenants_to_bill.after is null or t.tenant_id > tenants_to_bill.after
  order by t.tenant_id limit tenants_to_bill.at_most;
$$;
comment on function app_private.tenants_to_bill(uuid, int) is 'The tenants whose subscription or drafts have something due, or whose trial ends soon, page by page.';

create or replace function app_private.payments_to_collect(at_most int default 1000) returns table (tenant_id uuid, invoice_id uuid)
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select i.tenant_id, i.id from app_public.invoices i
   where i.status in ('finalised', 'uncollectible') and i.next_attempt_at <= app_hidden.clock()
   order by i.next_attempt_at limit payments_to_collect.at_most;
$$;
comment on function app_private.payments_to_collect(int) is 'The invoices whose payment is due to be asked for.';
grant execute on function app_private.tenants_to_bill(uuid, int), app_private.payments_to_collect(int) to rowhouse_worker;

create or replace function app_private.tenant_of_provider_object(provider text, object_id text) returns uuid
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select p.tenant_id from app_public.payments p
   where p.provider = tenant_of_provider_object.provider and p.provider_payment_id = tenant_of_provider_object.object_id
  union all
  select m.tenant_id from app_public.payment_methods m
   where m.provider = tenant_of_provider_object.provider and m.provider_method_id = tenant_of_provider_object.object_id
  limit 1;
$$;
comment on function app_private.tenant_of_provider_object(text, text) is 'Whose a provider''s payment or payment method is; for events that name nothing else.';
grant execute on function app_private.tenant_of_provider_object(text, text) to rowhouse_owner;
