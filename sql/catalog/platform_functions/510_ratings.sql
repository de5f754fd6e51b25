-- An item's rating is made of those of all tenants that see it.

create or replace function app_private.tg_user_ratings__rate_item() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_rating app_public.user_ratings := coalesce(new, old);
begin
  -- locked first, counted after: the next statement sees what the one waited for has committed
  if v_rating.item_type = 'agent' then
    perform from app_public.agents a where a.id = v_rating.item_id for update;
    update app_public.agents a
       set (rating, feedback_count) = (
         select round(avg(r.rating), 2), count(*) from app_public.user_ratings r where r.item_id = a.id and r.item_type = 'agent')
     where a.id = v_rating.item_id;
  elsif v_rating.item_type = 'prompt' then
    perform from app_public.prompts p where p.id = v_rating.item_id for update;
    update app_public.prompts p
       set rating = (select round(avg(r.rating), 2) from app_public.user_ratings r where r.item_id = p.id and r.item_type = 'prompt')
     where p.id = v_rating.item_id;
  end if;
  return null;
end
$$;
comment on function app_private.tg_user_ratings__rate_item() is 'Keeps the rating of agents and prompts: the mean of all ratings, to two digits, and how many there are.';
grant execute on function app_private.tg_user_ratings__rate_item() to rowhouse_owner;
