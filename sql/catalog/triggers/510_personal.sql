create or replace trigger _100_check_agent before insert on app_public.user_agents
  for each row execute function app_private.tg_user_agents__check_agent();
create or replace trigger _100_check_item before insert on app_public.user_favorites
  for each row execute function app_private.tg_user_favorites__check_item();
create or replace trigger _500_tell_user_agents after insert or delete on app_public.user_favorites
  for each row execute function app_private.tg_user_favorites__tell_user_agents();
create or replace trigger _090_check_item before insert or update on app_public.user_ratings
  for each row when (pg_trigger_depth() = 0) execute function app_private.tg_user_ratings__check_item();
create or replace trigger _500_rate_item after insert or update of rating or delete on app_public.user_ratings
  for each row execute function app_private.tg_user_ratings__rate_item();
create or replace trigger _500_count after insert or delete on app_public.user_rating_votes
  for each row execute function app_private.tg_user_rating_votes__count();
