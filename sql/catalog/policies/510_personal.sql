-- One's own list and favorites are nobody else's, also not the admins'. Ratings are for all of the tenant to read.
call app_private.secure_tenant_table('app_public.user_agents');
call app_private.secure_tenant_table('app_public.user_favorites');
call app_private.secure_tenant_table('app_public.user_ratings');
call app_private.secure_tenant_table('app_public.user_rating_votes');

drop policy if exists all_self on app_public.user_agents;
create policy all_self on app_public.user_agents to rowhouse_user
  using (user_id = (select app_hidden.current_user_id())) with check (user_id = (select app_hidden.current_user_id()));

-- a favorite that was deleted, or is shared no more, is not listed; it comes back when the item does
drop policy if exists select_self on app_public.user_favorites;
create policy select_self on app_public.user_favorites for select to rowhouse_user
  using (user_id = (select app_hidden.current_user_id()) and app_hidden.is_visible_resource(item_type::text, item_id));
drop policy if exists insert_self on app_public.user_favorites;
create policy insert_self on app_public.user_favorites for insert to rowhouse_user
  with check (user_id = (select app_hidden.current_user_id()));
drop policy if exists update_self on app_public.user_favorites;
create policy update_self on app_public.user_favorites for update to rowhouse_user
  using (user_id = (select app_hidden.current_user_id()));
drop policy if exists delete_self on app_public.user_favorites;
create policy delete_self on app_public.user_favorites for delete to rowhouse_user
  using (user_id = (select app_hidden.current_user_id()));

drop policy if exists select_member on app_public.user_ratings;
create policy select_member on app_public.user_ratings for select to rowhouse_user using (true);
drop policy if exists select_self on app_public.user_rating_votes;
create policy select_self on app_public.user_rating_votes for select to rowhouse_user
  using (user_id = (select app_hidden.current_user_id()));
