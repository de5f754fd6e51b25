-- Steering a panel: cancelling it, trying its failed turns again or going on without them, deleting it.

create or replace function conversation.lock_panel(id uuid) returns app_public.panel_discussions
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_panel app_public.panel_discussions;
begin
  perform conversation.require_participant();
  select p.* into v_panel from app_public.panel_discussions p
   where p.tenant_id = core.current_tenant_id() and p.id = lock_panel.id and p.user_id = core.current_user_id()
     for update;
  if not found then
    perform core.raise_error('TK360', 'There is no such panel of yours.', 'List your panels.');
  end if;
  return v_panel;
end
$$;
comment on function conversation.lock_panel is E'@errors ID202 ID203 KY201 TK360 TN202\nLocks a panel of the caller.';

create or replace function conversation.cancel_open_turns(panel app_public.panel_discussions) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_conversation_id uuid;
begin
  for v_conversation_id in
    select c.id
      from app_public.panel_seats s
      join app_public.expert_consultations c on c.tenant_id = s.tenant_id and c.id = s.conversation_id
     where s.tenant_id = (panel).tenant_id and s.panel_id = (panel).id
     order by s.number
       for update of c
  loop
    perform conversation.cancel_open_answer(v_conversation_id);
  end loop;
end
$$;
comment on function conversation.cancel_open_turns is 'Cancels the answers of a panel that are on their way. Whoever calls has locked the panel.';

create or replace function app_public.cancel_panel(id uuid) returns app_public.panel_discussions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_panel app_public.panel_discussions := conversation.lock_panel(cancel_panel.id);
begin
  if v_panel.status in ('completed', 'cancelled') then
    return v_panel;
  end if;
  perform conversation.cancel_open_turns(v_panel);
  update app_public.panel_discussions p
     set status = 'cancelled', finished_at = core.clock(), votes_closed_at = coalesce(p.votes_closed_at, core.clock())
   where p.tenant_id = v_panel.tenant_id and p.id = v_panel.id
  returning p.* into v_panel;
  return v_panel;
end
$$;
comment on function app_public.cancel_panel is
  E'@resultFieldName panel\n@errors ID202 ID203 KY201 TK360 TN202\nCancels a panel and the answers that are on their way in it; what was said stays. One that is completed is not changed.';
grant execute on function app_public.cancel_panel to rowhouse_user;

create or replace function conversation.retry_turn(turn app_public.panel_turns) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_question app_public.messages;
  v_answer app_public.messages;
begin
  select m.* into v_question from app_public.messages m where m.tenant_id = (turn).tenant_id and m.id = (turn).question_id;
  perform from app_public.expert_consultations c where c.tenant_id = v_question.tenant_id and c.id = v_question.conversation_id for update;
  if not found then
    perform core.raise_error('TK562', 'The conversation of a failed turn was deleted.', 'Go on without it, or start another panel.');
  end if;
  update app_public.panel_seats s set allowed_messages = s.allowed_messages + 1
   where s.tenant_id = (turn).tenant_id and s.panel_id = (turn).panel_id and s.number = (turn).seat_number;
  v_answer := conversation.ask(v_question);
  update app_public.panel_turns t set answer_id = v_answer.id
   where t.tenant_id = (turn).tenant_id and t.panel_id = (turn).panel_id and t.step = (turn).step and t.seat_number = (turn).seat_number;
end
$$;
comment on function conversation.retry_turn is
  E'@errors TK562 TK602 TK603\nAsks for the answer of a failed turn again. Whoever calls has locked the panel.';

create or replace function conversation.skip_failed_turns(panel app_public.panel_discussions) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_least constant int := 2;
begin
  update app_public.panel_turns t set is_skipped = true
    from conversation.failed_turns(panel) f
   where t.tenant_id = f.tenant_id and t.panel_id = f.panel_id and t.step = f.step and t.seat_number = f.seat_number;
  if (panel).step > (panel).round_count + 1 then
    perform core.raise_error('TK563', 'without_failed: A panel does not end without its synthesis.', 'Try the turn again.');
  elsif (select count(*) from app_public.panel_turns t
          where t.tenant_id = (panel).tenant_id and t.panel_id = (panel).id and t.step = (panel).step and not t.is_skipped) < v_least then
    perform core.raise_error('TK563', 'without_failed: Fewer than two agents would be left in this step.', 'Try the turns again.');
  end if;
  perform conversation.enqueue_panel((panel).tenant_id, (panel).id);
end
$$;
comment on function conversation.skip_failed_turns is
  E'@errors TK563\nLets a panel go on without the turns of its step that failed. Whoever calls has locked the panel.';

create or replace function app_public.retry_panel(id uuid, without_failed boolean default false) returns app_public.panel_discussions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_panel app_public.panel_discussions;
begin
  perform conversation.require_participant();
  perform conversation.require_room_for_panel();
  v_panel := conversation.lock_panel(retry_panel.id);
  if v_panel.status <> 'failed' then
    perform core.raise_error('TK564', 'The panel has not failed.', 'Read its status.');
  elsif coalesce(retry_panel.without_failed, false) then
    perform conversation.skip_failed_turns(v_panel);
  else
    perform conversation.retry_turn(t) from conversation.failed_turns(v_panel) t;
  end if;
  update app_public.panel_discussions p
     set finished_at = null, error_code = null, error_message = null,
         status = case when p.step <= p.round_count then 'discussing' when p.step = p.round_count + 1 then 'voting' else 'synthesizing' end
   where p.tenant_id = v_panel.tenant_id and p.id = v_panel.id
  returning p.* into v_panel;
  return v_panel;
end
$$;
comment on function app_public.retry_panel is
  E'@resultFieldName panel\n@errors ID202 ID203 KY201 TK360 TK562 TK563 TK564 TK602 TK603 TK660 TN202\nGoes on with a panel that failed: asks again for the turns that failed, or with without_failed leaves them out, when at least two agents are left; a vote that is left out is an abstention.';
grant execute on function app_public.retry_panel to rowhouse_user;

create or replace function app_public.delete_panel(id uuid) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_panel constant app_public.panel_discussions := conversation.lock_panel(delete_panel.id);
begin
  perform conversation.cancel_open_turns(v_panel);
  delete from app_public.panel_discussions p where p.tenant_id = v_panel.tenant_id and p.id = v_panel.id;
  return true;
end
$$;
comment on function app_public.delete_panel is
  E'@resultFieldName isDeleted\n@errors ID202 ID203 KY201 TK360 TN202\nDeletes a panel with all that was said in it, for good.';
grant execute on function app_public.delete_panel to rowhouse_user;
