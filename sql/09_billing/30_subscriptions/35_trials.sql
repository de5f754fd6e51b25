-- Extending a trial. Staff give a customer more whole days to decide, as long as the trial is running and not above a year in all.

create or replace function app_public.extend_trial(days int) returns app_public.subscriptions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_most_days constant int := 366;
  v_trial app_public.subscriptions;
  v_ends_at timestamptz;
begin
  perform tenancy.require_staff();
  perform billing.lock_billing(core.current_tenant_id());
  v_trial := billing.up_to_date_subscription(core.current_tenant_id());
  if v_trial.status <> 'trialing' then
    perform core.raise_error('LB534', 'The subscription is not in its trial.', 'Read the status of the subscription.');
  end if;
  -- "is not true" also refuses a missing number
  if (extend_trial.days between 1 and v_most_days) is not true
     or billing.local_days(v_trial.started_at, v_trial.trial_ends_at, v_trial.timezone) + extend_trial.days > v_most_days then
    perform core.raise_error('LB409', 'A trial can be extended by at least one day, and to at most a year in all.',
      'Give fewer days.');
  end if;
  v_ends_at := ((v_trial.trial_ends_at at time zone v_trial.timezone)::date + extend_trial.days)::timestamp at time zone v_trial.timezone;
  update app_public.subscriptions s set trial_ends_at = v_ends_at, current_period_end = v_ends_at
   where s.id = v_trial.id returning * into v_trial;
  return v_trial;
end
$$;
comment on function app_public.extend_trial is
  E'@resultFieldName subscription\n@errors LB303 LB409 LB534 TN205\nExtends the running trial of this tenant by whole days, to at most a year in all. The reminders are sent again before the new end. Only platform staff may call it.';
grant execute on function app_public.extend_trial to rowhouse_user;
