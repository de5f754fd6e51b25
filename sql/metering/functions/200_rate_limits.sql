-- Rate limits as programs of a tenant ask them.

create or replace function app_public.check_rate_limit(
  agent_id uuid default null, requests int default 1, tokens bigint default 0, cost numeric default 0
) returns app_public.rate_limit_decision
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_decision app_public.rate_limit_decision;
begin
  perform app_private.require_role('member');
  if not coalesce(requests >= 0 and tokens >= 0 and cost >= 0 and cost < 1e12, false) then
    perform app_private.raise_error('RL402', 'requests, tokens and cost must be numbers from 0 on.', 'Costs are in US dollars; all 0 only asks.');
  end if;
  if check_rate_limit.agent_id is not null
    and not exists (select from app_public.agents a where a.id = check_rate_limit.agent_id and a.deleted_at is null) then
    perform app_private.raise_error('RL301', 'There is no such user or agent in this tenant.', 'List the agents of this tenant.');
  end if;
  v_decision := app_private.check_rate_limit(
    app_hidden.current_tenant_id(), app_hidden.current_user_id(), check_rate_limit.agent_id, null, requests, tokens, cost::double precision);
  -- a caller that does not look at the answer is stopped all the same
  if not v_decision.is_allowed and v_decision.action = 'block' and (requests > 0 or tokens > 0 or cost > 0) then
    perform app_private.raise_error('RL601', 'Too many requests, tokens or cost at once.',
      case when v_decision.retry_after_ms is null then 'This is more than the limit itself; ask for less at once.'
           else format('Try again in %s s.', ceil(v_decision.retry_after_ms / 1000.0)) end);
  end if;
  return v_decision;
end
$$;
comment on function app_public.check_rate_limit(uuid, int, bigint, numeric) is
  E'@resultFieldName decision\nAsks all rate limits of this tenant, of you and of the agent at once whether requests, tokens and cost (US dollars) may pass now, and counts them in all or, when one refuses, in none. All 0 only asks. isAllowed false with action queue: try again after retryAfterMs. action throttle: allowed, but wait retryAfterMs before the next; warn: allowed beyond the limit. Members. RL601: refused by a limit whose action is block; RL402: not an amount; RL301: no such agent; ID202: your role does not allow it.';
grant execute on function app_public.check_rate_limit(uuid, int, bigint, numeric) to rowhouse_user;
