-- What a tenant decides about memory: whether agents share what they remember of a person, how long each kind is kept, how fast its
-- confidence decays, and how alike two texts must be to be one memory.

call core.secure_tenant_table('app_public.memory_settings');
call audit.track('app_public.memory_settings');
call core.allow('app_public.memory_settings', read => 'member', write => 'can_manage_settings');
grant select, delete on app_public.memory_settings to rowhouse_user;
grant insert (is_shared, near_threshold), update (is_shared, near_threshold) on app_public.memory_settings to rowhouse_user;
comment on table app_public.memory_settings is
  E'@name memory_setting\n@behavior -query:resource:single\nHow this tenant remembers; without a row the defaults hold. Written with can_manage_settings.';
comment on column app_public.memory_settings.tenant_id is 'The tenant.';
comment on column app_public.memory_settings.is_shared is
  'Whether what an agent remembers of a person is for all agents of the tenant; by default it is for that agent alone. It holds for what is remembered from then on.';
comment on column app_public.memory_settings.near_threshold is
  'How many of the words of two texts must be common for them to be one memory in other words: 0.6 to 1, by default 0.75.';
comment on column app_public.memory_settings.created_at is 'When it was first set.';
comment on column app_public.memory_settings.updated_at is 'When it last changed.';
comment on constraint near_threshold_is_in_range on app_public.memory_settings is 'must be from 0.6 to 1';

call core.secure_tenant_table('app_public.agent_memory_settings');
call audit.track('app_public.agent_memory_settings');
call core.allow('app_public.agent_memory_settings', read => 'member', write => 'can_manage_settings');
grant select, delete on app_public.agent_memory_settings to rowhouse_user;
grant insert (agent_id, is_shared), update (is_shared) on app_public.agent_memory_settings to rowhouse_user;
comment on table app_public.agent_memory_settings is
  E'@name agent_memory_setting\n@behavior -query:resource:single\nWhat is different for one agent. Written with can_manage_settings.';
comment on column app_public.agent_memory_settings.tenant_id is 'The tenant.';
comment on column app_public.agent_memory_settings.agent_id is 'The agent.';
comment on column app_public.agent_memory_settings.is_shared is
  'Whether what this agent remembers of a person is for all agents of the tenant. It holds for what is remembered from then on.';
comment on column app_public.agent_memory_settings.created_at is 'When it was first set.';
comment on column app_public.agent_memory_settings.updated_at is 'When it last changed.';

call core.secure_tenant_table('app_public.memory_rules');
call audit.track('app_public.memory_rules');
call core.allow('app_public.memory_rules', read => 'member', write => 'can_manage_settings');
grant select, delete on app_public.memory_rules to rowhouse_user;
grant insert (memory_type, kept_days, half_life_days), update (kept_days, half_life_days) on app_public.memory_rules to rowhouse_user;
comment on table app_public.memory_rules is
  E'@behavior -query:resource:single\nHow long this tenant keeps a kind of memory and how fast its confidence decays, where that differs from the default. Written with can_manage_settings.';
comment on column app_public.memory_rules.tenant_id is 'The tenant.';
comment on column app_public.memory_rules.memory_type is 'The kind of memory.';
comment on column app_public.memory_rules.kept_days is
  'For how many days it is kept when it does not say itself until when, 1 to 36,500; null for without an end. It holds for what is remembered from then on. Defaults: context 90, episode 400, the others without an end.';
comment on column app_public.memory_rules.half_life_days is
  'After how many days without a confirmation its confidence is half, 1 to 36,500; null when it does not decay. It holds at once. Defaults: fact 730, preference 365, relationship 730, context 30, episode none.';
comment on column app_public.memory_rules.created_at is 'When it was first set.';
comment on column app_public.memory_rules.updated_at is 'When it last changed.';
comment on constraint kept_days_is_in_range on app_public.memory_rules is 'must be from 1 to 36,500';
comment on constraint half_life_days_is_in_range on app_public.memory_rules is 'must be from 1 to 36,500';
comment on domain app_public.memory_type is
  'What kind of memory it is: a fact, a preference or a relationship of the person, context that matters for a while, or an episode, which is something that was said or happened once.';

create or replace function memory.default_kept_days(memory_type text) returns int
language sql immutable parallel safe
return case memory_type when 'context' then 90 when 'episode' then 400 end;
comment on function memory.default_kept_days is 'For how many days a kind is kept without a rule of the tenant; null for without an end.';

create or replace function memory.default_half_life_days(memory_type text) returns int
language sql immutable parallel safe
return case memory_type when 'fact' then 730 when 'preference' then 365 when 'relationship' then 730 when 'context' then 30 end;
comment on function memory.default_half_life_days is
  'After how many days the confidence of a kind is half without a rule of the tenant; null when it does not decay.';

create or replace function memory.kept_days(memory_type text) returns int
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select case when r.memory_type is null then memory.default_kept_days(kept_days.memory_type) else r.kept_days end
    from (select) as always
    left join app_public.memory_rules r on r.tenant_id = core.current_tenant_id() and r.memory_type = kept_days.memory_type;
$$;
comment on function memory.kept_days is 'For how many days this tenant keeps a kind of memory; null for without an end.';

create or replace function memory.half_life_days(memory_type text) returns int
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select case when r.memory_type is null then memory.default_half_life_days(half_life_days.memory_type) else r.half_life_days end
    from (select) as always
    left join app_public.memory_rules r on r.tenant_id = core.current_tenant_id() and r.memory_type = half_life_days.memory_type;
$$;
comment on function memory.half_life_days is 'After how many days the confidence of a kind is half in this tenant; null when it does not decay.';
grant execute on function memory.half_life_days to rowhouse_user;

create or replace function memory.is_shared(agent_id uuid) returns boolean
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select is_shared.agent_id is null or coalesce(
    (select s.is_shared from app_public.agent_memory_settings s
      where s.tenant_id = core.current_tenant_id() and s.agent_id = is_shared.agent_id),
    (select s.is_shared from app_public.memory_settings s where s.tenant_id = core.current_tenant_id()), false);
$$;
comment on function memory.is_shared is
  'Whether what an agent remembers of a person is for all agents of this tenant. Without an agent it is.';

create or replace function memory.near_threshold() returns numeric
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select coalesce((select s.near_threshold from app_public.memory_settings s where s.tenant_id = core.current_tenant_id()), 0.75);
$$;
comment on function memory.near_threshold is 'How alike two texts must be in this tenant to be one memory in other words, 0.6 to 1.';

-- The forgetting curve (Ebbinghaus, Memory, 1885), in its exponential form: c × 0.5 ^ (age / half-life).
create or replace function memory.decayed(confidence numeric, confirmed_at timestamptz, half_life_days int, at timestamptz) returns double precision
language sql immutable parallel safe
return confidence::double precision
  * case when half_life_days is null then 1
      else power(0.5::double precision, greatest(0, extract(epoch from at - confirmed_at)::double precision) / (86400.0 * half_life_days)) end;
comment on function memory.decayed is
  'A confidence at an instant: it halves with every half-life since it was last confirmed. Without a half-life it stays.';
grant execute on function memory.decayed to rowhouse_user;
