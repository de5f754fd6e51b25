-- The states of a subscription and the steps between them, kept by a trigger for whoever writes, superusers too.
--
--   trialing → active, cancelled, expired          active   → past_due, paused, cancelled
--   past_due → active, paused, cancelled           paused   → active, cancelled
--   cancelled and expired are final: a new subscription follows.

create or replace function app_private.tg_subscriptions__keep_states() returns trigger
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  if tg_op = 'INSERT' then
    if new.status not in ('trialing', 'active') then
      perform app_private.raise_error('LB504', 'A subscription begins as trialing or active.', 'Start it, then change it.');
    end if;
    return new;
  end if;
  -- that it stays with its tenant is the wall's
  if new.id <> old.id or new.currency <> old.currency or new.started_at <> old.started_at
     or new.timezone <> old.timezone then
    perform app_private.raise_error('LB505', 'The currency, time zone and start of a subscription never change.',
      'Cancel it and start another.');
  end if;
  if old.status in ('cancelled', 'expired') then
    perform app_private.raise_error('LB506', 'The subscription has ended.', 'Start a new one.');
  end if;
  if new.status <> old.status and not (case old.status
       when 'trialing' then new.status in ('active', 'cancelled', 'expired')
       when 'active' then new.status in ('past_due', 'paused', 'cancelled')
       when 'past_due' then new.status in ('active', 'paused', 'cancelled')
       when 'paused' then new.status in ('active', 'cancelled')
       else false end) then
    perform app_private.raise_error('LB504', 'A subscription cannot go from its state to this one.',
      'docs/billing.md shows the states and the steps between them.');
  end if;
  return new;
end
$$;
comment on function app_private.tg_subscriptions__keep_states() is
  'LB504: no such step; LB505: a fact of the subscription would change; LB506: it has ended.';
