-- How a panel goes on. Each answer that ends adds a job in its transaction, and the job looks under the lock of the panel whether all
-- turns of the step have ended. So a panel goes on once, whoever ends last, and a worker that dies loses nothing.

-- Without a key: where a job with the same key begins to run while another transaction adds it, graphile-worker may add none, and the
-- panel would stand still.
create or replace function conversation.enqueue_panel(tenant_id uuid, panel_id uuid) returns void
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  select core.enqueue_job('conversation__advance_panel',
    json_build_object('tenantId', enqueue_panel.tenant_id, 'panelId', enqueue_panel.panel_id));
$$;
comment on function conversation.enqueue_panel is 'Adds a job that looks whether a panel goes on.';
grant execute on function conversation.enqueue_panel to rowhouse_platform;

create or replace function conversation.read_vote(text text, option_count int) returns int
language sql immutable parallel safe
set search_path to pg_catalog, pg_temp
as $$
  select v.option from (select substring(read_vote.text from '(?in)^\W*vote\W{1,10}(\d{1,3})\y')::int as option) as v
   where v.option between 1 and read_vote.option_count;
$$;
comment on function conversation.read_vote is
  'The option that the first line with the word VOTE and a number names; null when there is no such line, or no such option.';

create or replace function conversation.count_votes(panel app_public.panel_discussions) returns void
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  insert into app_public.panel_votes (tenant_id, panel_id, seat_number, option, reason, cast_at)
  select t.tenant_id, t.panel_id, t.seat_number, conversation.read_vote(v.text, cardinality((panel).options)), nullif(left(v.text, 2000), ''), core.clock()
    from app_public.panel_turns t
    left join app_public.messages m on m.tenant_id = t.tenant_id and m.id = t.answer_id and m.status = 'complete' and not t.is_skipped
   cross join lateral (select conversation.text_for_model(m) as text) as v
   where t.tenant_id = (panel).tenant_id and t.panel_id = (panel).id and t.kind = 'vote';
  update app_public.panel_discussions p set votes_closed_at = core.clock() where p.tenant_id = (panel).tenant_id and p.id = (panel).id;
$$;
comment on function conversation.count_votes is 'Writes the votes of a panel, which the caller has locked, and shows them.';

create or replace function conversation.failed_turns(panel app_public.panel_discussions) returns setof app_public.panel_turns
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select t.*
    from app_public.panel_turns t
    left join app_public.messages m on m.tenant_id = t.tenant_id and m.id = t.answer_id
   where t.tenant_id = (panel).tenant_id and t.panel_id = (panel).id and t.step = (panel).step and not t.is_skipped
     and coalesce(m.status in ('failed', 'cancelled'), true)
   order by t.seat_number;
$$;
comment on function conversation.failed_turns is 'The turns of the present step of a panel whose answers failed, were cancelled or are gone, in the order of their seats.';

create or replace function conversation.fail_panel(panel app_public.panel_discussions) returns void
language sql volatile
set search_path to pg_catalog, pg_temp
as $$
  update app_public.panel_discussions p
     set status = 'failed', finished_at = core.clock(), error_code = f.error_code, error_message = left(f.error_message, 2000)
    from (
      select (array_agg(coalesce(m.error_code, m.status, 'deleted') order by t.seat_number))[1] as error_code,
             string_agg(format('%s: %s', s.agent_name, coalesce(m.error_message, 'The answer was cancelled or deleted.')), ' ' order by t.seat_number) as error_message
        from conversation.failed_turns(panel) t
        join app_public.panel_seats s on s.tenant_id = t.tenant_id and s.panel_id = t.panel_id and s.number = t.seat_number
        left join app_public.messages m on m.tenant_id = t.tenant_id and m.id = t.answer_id) as f
   where p.tenant_id = (panel).tenant_id and p.id = (panel).id;
$$;
comment on function conversation.fail_panel is 'Fails a panel, which the caller has locked, with the errors of its turns.';

create or replace function conversation.advance_panel(tenant_id uuid, panel_id uuid) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_panel app_public.panel_discussions;
begin
  call core.enter_tenant(advance_panel.tenant_id);
  select p.* into v_panel from app_public.panel_discussions p
   where p.tenant_id = advance_panel.tenant_id and p.id = advance_panel.panel_id
     for update;
  if not found or v_panel.finished_at is not null or exists (
    select from app_public.panel_turns t
      join app_public.messages m on m.tenant_id = t.tenant_id and m.id = t.answer_id
     where t.tenant_id = v_panel.tenant_id and t.panel_id = v_panel.id and t.step = v_panel.step and m.finished_at is null) then
    return;
  elsif exists (select from conversation.failed_turns(v_panel)) then
    perform conversation.fail_panel(v_panel);
    return;
  end if;
  case v_panel.status
    when 'discussing' then
      perform conversation.begin_step(v_panel, case
        when v_panel.step < v_panel.round_count or v_panel.options <> '{}' then v_panel.step + 1
        else v_panel.round_count + 2 end);
    when 'voting' then
      perform conversation.count_votes(v_panel);
      perform conversation.begin_step(v_panel, v_panel.round_count + 2);
    when 'synthesizing' then
      update app_public.panel_discussions p set status = 'completed', finished_at = core.clock()
       where p.tenant_id = v_panel.tenant_id and p.id = v_panel.id;
  end case;
end
$$;
comment on function conversation.advance_panel is
  E'@errors TK602 TK603\nLets a panel go on when all turns of its step have ended; called twice or late it does nothing.';
grant execute on function conversation.advance_panel to rowhouse_worker;

create or replace function conversation.tg_messages__advance_panel() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform conversation.enqueue_panel(t.tenant_id, t.panel_id) from app_public.panel_turns t
    where t.tenant_id = new.tenant_id and t.answer_id = new.id;
  return null;
end
$$;
comment on function conversation.tg_messages__advance_panel is 'Has a panel looked at when the answer of one of its turns has ended.';

-- What is said in a panel stays as it was said: a message that the panel has not asked for is one too many.
create or replace function conversation.tg_messages__require_allowed() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if new.sequence > (select s.allowed_messages from app_public.panel_seats s
                      where s.tenant_id = new.tenant_id and s.conversation_id = new.conversation_id) then
    perform core.raise_error('TK561', 'This conversation is a panel''s, and only the panel asks in it.', 'Start a conversation with the agent. Failed turns are tried again by retry_panel.');
  end if;
  return new;
end
$$;
comment on function conversation.tg_messages__require_allowed is
  E'@errors TK561\nRefuses messages in the conversation of a panel that the panel has not asked for.';

create or replace trigger _300_require_allowed before insert on app_public.messages
  for each row execute function conversation.tg_messages__require_allowed();
create or replace trigger _600_advance_panel after update of status on app_public.messages
  for each row when (old.finished_at is null and new.finished_at is not null) execute function conversation.tg_messages__advance_panel();
